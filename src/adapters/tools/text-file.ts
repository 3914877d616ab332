/** Whole text files: reading them with a limit, and writing them so that nobody ever sees half of one. */
import { constants } from 'node:fs'
import { lstat, mkdir, open, realpath, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { explained, lexicalPath, type OpenDirectory, openDirectory, openFile, shownPath } from './confined-path.ts'
import { BINARY_PROBE_BYTES, TEXT_BYTES_MAX } from './limits.ts'
import { ToolFault } from './tool.ts'

/** Throws `binary_file` (a NUL byte, or not UTF-8, so that it couldn't be written back unharmed) and `too_large`. */
export async function readText(workspace: string, path: string): Promise<string> {
  const { handle, stats } = await openFile(workspace, path)
  try {
    if (stats.size > TEXT_BYTES_MAX) throw tooLarge(path)
    const content = Buffer.alloc(stats.size)
    let length = 0
    while (length < content.length) {
      const { bytesRead } = await handle.read(content, length, content.length - length, length)
      if (bytesRead === 0) break
      length += bytesRead
    }
    return decode(path, content.subarray(0, length))
  } finally {
    await handle.close()
  }
}

export function isBinary(content: Uint8Array): boolean {
  return content.subarray(0, BINARY_PROBE_BYTES).includes(0)
}

/** Writes a file whole or not at all, with the missing directories above it; an existing one keeps its mode. */
export async function writeText(
  workspace: string,
  path: string,
  content: string,
): Promise<{ path: string; created: boolean }> {
  if (Buffer.byteLength(content) > TEXT_BYTES_MAX) throw tooLarge(path)
  const target = await targetOf(workspace, path)
  const directory = await openMaking(workspace, dirname(target))
  try {
    const mode = await modeOf(path, directory, basename(target))
    await replace(directory, basename(target), content, mode ?? 0o644)
    return { path: shownPath(workspace, lexicalPath(workspace, path)), created: mode === null }
  } finally {
    await directory.handle.close()
  }
}

/** The file that is meant: behind a link when there is one, else at the name given. */
async function targetOf(workspace: string, path: string): Promise<string> {
  const absolute = lexicalPath(workspace, path)
  if (absolute === workspace) throw new ToolFault('not_a_file', `${path} is not a file`)
  const existing = await realPathOrNull(absolute)
  if (existing !== null) return lexicalPath(workspace, existing)
  if (await isEntry(absolute)) throw new ToolFault('not_a_file', `${path} is a link that leads nowhere`)
  return absolute
}

async function openMaking(workspace: string, absolute: string): Promise<OpenDirectory> {
  const missing: string[] = []
  let existing = absolute
  while (existing !== workspace && !(await isEntry(existing))) {
    missing.unshift(basename(existing))
    existing = dirname(existing)
  }
  const shown = shownPath(workspace, absolute)
  const real = await explained(shown, () => realpath(existing))
  let opened = await openDirectory(workspace, lexicalPath(workspace, real))
  let at = real
  for (const name of missing) {
    const parent = opened
    at = join(at, name)
    try {
      await explained(shown, () => mkdir(join(parent.path, name)))
      opened = await openDirectory(workspace, at)
    } finally {
      await parent.handle.close()
    }
  }
  return opened
}

async function modeOf(path: string, directory: OpenDirectory, name: string): Promise<number | null> {
  try {
    const entry = await lstat(join(directory.path, name))
    if (!entry.isFile()) throw new ToolFault('not_a_file', `${path} is not a file`)
    return entry.mode & 0o777
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
}

/** By way of the open directory, so that a swapped name can't lead the write elsewhere; a rename follows no link. */
async function replace(directory: OpenDirectory, name: string, content: string, mode: number): Promise<void> {
  const draft = join(directory.path, `.swarmtrail-${process.pid}-${(draftNumber += 1)}.tmp`)
  const handle = await open(
    draft,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
    mode,
  )
  try {
    await handle.writeFile(content)
    await handle.chmod(mode)
    await rename(draft, join(directory.path, name))
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  } finally {
    await handle.close()
  }
}

let draftNumber = 0

async function isEntry(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

async function realPathOrNull(path: string): Promise<string | null> {
  try {
    return await realpath(path)
  } catch (error) {
    if (isMissing(error)) return null
    return explained(path, () => Promise.reject(error))
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

function decode(path: string, content: Uint8Array): string {
  const fault = new ToolFault('binary_file', `${path} is not a text file in UTF-8`)
  if (isBinary(content)) throw fault
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content)
  } catch (error) {
    if (error instanceof TypeError) throw fault
    throw error
  }
}

function tooLarge(path: string): ToolFault {
  return new ToolFault('too_large', `${path}: more than ${TEXT_BYTES_MAX} bytes`)
}
