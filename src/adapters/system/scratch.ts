import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { chmod, lstat, mkdir, open, rename, rm, stat, writeFile, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { SESSION_ID_PATTERN } from '../../events/ids.ts'
import { isSwarmError, messageOf, SwarmError } from '../../runtime/errors.ts'
import type { Scratch } from '../../runtime/ports.ts'

const DIRECTORY_MODE = 0o700
const FILE_MODE = 0o600
/** Not blocking, so that a FIFO in place of the file can't hang us; it is refused for what it is then. */
const READ_WHAT_IS_THERE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
const READ_CHUNK_BYTES = 65_536

/**
 * Private files below a directory of this host: `<root>/<session>/turn-<n>/`. To read, write or remove anything outside
 * the root is refused with `invalid_argument`, as is reading anything but a regular file of allowed size: an executor
 * may put anything there. What the system refuses is `runner_error`.
 */
export function fileScratch(root: string): Scratch {
  const base = resolve(root)
  return {
    turnDirectory: (sessionId, turnNumber) => turnDirectory(base, sessionId, turnNumber),
    write: (path, content) => write(inside(base, path), content),
    read: (path, bytesMax) => read(inside(base, path), bytesMax),
    exists,
    remove: (path) => remove(inside(base, path)),
    join,
  }
}

async function turnDirectory(base: string, sessionId: string, turnNumber: number): Promise<string> {
  if (!SESSION_ID_PATTERN.test(sessionId)) throw refusal(sessionId, 'is not a session id')
  if (!Number.isSafeInteger(turnNumber) || turnNumber < 0) throw refusal(String(turnNumber), 'is not a turn number')
  const session = join(base, sessionId)
  const path = join(session, `turn-${turnNumber}`)
  try {
    await mkdir(path, { recursive: true, mode: DIRECTORY_MODE })
    for (const directory of [session, path]) await makePrivate(directory)
    return path
  } catch (error) {
    throw failure(path, 'made', error)
  }
}

/** An existing directory keeps its mode, and an executor of an earlier turn could have changed it or what it is. */
async function makePrivate(directory: string): Promise<void> {
  if (!(await lstat(directory)).isDirectory()) throw refusal(directory, 'is not a directory')
  await chmod(directory, DIRECTORY_MODE)
}

/** Whoever reads sees the old content or the new, never a part. */
async function write(path: string, content: string): Promise<void> {
  const draft = join(dirname(path), `.${basename(path)}.${randomUUID()}`)
  try {
    await writeFile(draft, content, { mode: FILE_MODE, flag: 'wx' })
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true })
    throw failure(path, 'written', error)
  }
}

async function read(path: string, bytesMax: number): Promise<string | null> {
  const file = await openWhatIsThere(path)
  if (file === null) return null
  try {
    const found = await file.stat()
    if (!found.isFile()) throw refusal(path, 'is not a regular file')
    const content = found.size > bytesMax ? null : await readUpTo(file, bytesMax)
    if (content === null) throw refusal(path, `is larger than ${bytesMax} bytes`)
    return content.toString('utf8')
  } finally {
    await file.close()
  }
}

async function openWhatIsThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, READ_WHAT_IS_THERE)
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    // What opening a symbolic link and a socket gives.
    if (code === 'ELOOP' || code === 'ENXIO') throw refusal(path, 'is not a regular file')
    throw failure(path, 'read', error)
  }
}

/** Null when there is more: somebody may be writing to the file still, so its size alone proves nothing. */
async function readUpTo(file: FileHandle, bytesMax: number): Promise<Buffer | null> {
  const chunks: Buffer[] = []
  let total = 0
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(READ_CHUNK_BYTES))
    if (bytesRead === 0) return Buffer.concat(chunks)
    chunks.push(buffer.subarray(0, bytesRead))
    total += bytesRead
    if (total > bytesMax) return null
  }
}

/** Only a look, so anywhere: whether a path leads to something. */
async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(codeOf(error))) return false
    throw failure(path, 'looked up', error)
  }
}

async function remove(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true })
  } catch (error) {
    // Where a directory of the path is a file now, there is nothing to remove.
    if (codeOf(error) !== 'ENOTDIR') throw failure(path, 'removed', error)
  }
}

function inside(base: string, path: string): string {
  const full = resolve(path)
  if (!full.startsWith(base + sep)) throw refusal(path, `does not lie inside ${base}`)
  return full
}

function refusal(path: string, reason: string): SwarmError {
  return new SwarmError('invalid_argument', `${path} ${reason}`, { details: { path, reason } })
}

function failure(path: string, what: string, error: unknown): SwarmError {
  if (isSwarmError(error)) return error
  return new SwarmError('runner_error', `${path} can't be ${what}: ${messageOf(error)}`, {
    details: { path },
    cause: error,
  })
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
