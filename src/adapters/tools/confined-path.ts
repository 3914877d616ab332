/**
 * Paths of tools stay in the workspace. A check of names alone is not enough, as a directory may be swapped for a link
 * between check and use: so whatever is opened is asked where it really lies before it is read or written.
 */
import { constants, type Stats } from 'node:fs'
import { type FileHandle, open, readlink, realpath, stat } from 'node:fs/promises'
import { join, relative, resolve, sep } from 'node:path'
import { ToolFault } from './tool.ts'

const ON_LINUX = process.platform === 'linux'

/** The path as the agent means it: absolute, below the workspace, no link followed yet. Throws `outside_workspace`. */
export function lexicalPath(workspace: string, path: string): string {
  if (path.includes('\0')) throw new ToolFault('invalid_input', 'path: a path holds no NUL character')
  const absolute = resolve(workspace, path)
  if (!isWithin(workspace, absolute)) throw outside(path)
  const parts = relative(workspace, absolute).split(sep)
  if (parts.some((part) => part.toLowerCase() === '.git')) {
    throw new ToolFault('outside_workspace', `${path}: what git keeps for itself is not part of the workspace`)
  }
  return absolute
}

/** The path relative to the workspace, with forward slashes; `.` for the workspace itself. */
export function shownPath(workspace: string, absolute: string): string {
  return relative(workspace, absolute).split(sep).join('/') || '.'
}

/** Where the path leads, links followed. Throws `not_found` and `outside_workspace`. */
export async function realPathInside(workspace: string, path: string): Promise<string> {
  const absolute = lexicalPath(workspace, path)
  const real = await explained(path, () => realpath(absolute))
  lexicalPath(workspace, real)
  return real
}

/** Opens a regular file for reading; the caller closes it. Pipes and devices are never opened. */
export async function openFile(workspace: string, path: string): Promise<{ handle: FileHandle; stats: Stats }> {
  const real = await realPathInside(workspace, path)
  if (!(await explained(path, () => stat(real))).isFile()) throw new ToolFault('not_a_file', `${path} is not a file`)
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const handle = await explained(path, () => open(real, flags))
  return closingOnFault(handle, async () => {
    const stats = await handle.stat()
    if (!stats.isFile()) throw new ToolFault('not_a_file', `${path} is not a file`)
    await mustBeInside(workspace, path, handle, real)
    return { handle, stats }
  })
}

/** An open directory, and the path by which its entries are reached whatever becomes of its name. */
export type OpenDirectory = { handle: FileHandle; path: string }

/** Opens a directory by its real path; the caller closes it. */
export async function openDirectory(workspace: string, real: string): Promise<OpenDirectory> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_DIRECTORY
  const shown = shownPath(workspace, real)
  const handle = await explained(shown, () => open(real, flags))
  return closingOnFault(handle, async () => {
    await mustBeInside(workspace, shown, handle, real)
    return { handle, path: ON_LINUX ? `/proc/self/fd/${handle.fd}` : real }
  })
}

/** Runs a file operation; what the system says about the path becomes a fault that the agent understands. */
export async function explained<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT') throw new ToolFault('not_found', `${path} does not exist`)
    if (code === 'ENOTDIR') throw new ToolFault('not_found', `${path} is or lies below something that is no directory`)
    if (code === 'ELOOP') throw new ToolFault('outside_workspace', `${path} is a link that can't be followed`)
    if (code === 'EISDIR' || code === 'ENXIO') throw new ToolFault('not_a_file', `${path} is not a file`)
    if (code === 'ENAMETOOLONG') throw new ToolFault('invalid_input', 'path: the name is too long')
    if (code === 'EACCES' || code === 'EPERM') throw new ToolFault('tool_failed', `${path}: permission denied`)
    throw error
  }
}

/** Linux tells where an open file lies; elsewhere its name is followed anew and has to lead to the very same file. */
async function mustBeInside(workspace: string, path: string, handle: FileHandle, real: string): Promise<void> {
  if (ON_LINUX) {
    const where = await readlink(`/proc/self/fd/${handle.fd}`)
    if (!isWithin(workspace, where)) throw outside(path)
    return
  }
  const [opened, named] = [await handle.stat(), await stat(await realpath(real))]
  const same = opened.ino === named.ino && opened.dev === named.dev
  if (!same || !isWithin(workspace, await realpath(real))) throw outside(path)
}

async function closingOnFault<T>(handle: FileHandle, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    await handle.close()
    throw error
  }
}

function isWithin(workspace: string, path: string): boolean {
  return path === workspace || path.startsWith(join(workspace, sep))
}

function outside(path: string): ToolFault {
  return new ToolFault('outside_workspace', `${path} lies outside the workspace`)
}
