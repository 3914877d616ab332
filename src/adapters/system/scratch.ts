import { randomUUID } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { realpath, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { isSessionId } from '../../events/ids.ts'
import { isSwarmError, messageOf, SwarmError } from '../../runtime/errors.ts'
import type { Scratch } from '../../runtime/ports.ts'

const DIRECTORY_MODE = 0o700
const FILE_MODE = 0o600
const MODE_BITS = 0o7777
/** Not blocking, so that a FIFO in place of the file can't hang us; it is refused for what it is then. */
const READ_WHAT_IS_THERE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
const READ_CHUNK_BYTES = 65_536

/**
 * Private files below a directory of this host: `<root>/<session>/turn-<n>/`. To read, write or remove anything outside
 * the root is refused with `invalid_argument`, as is reading anything but a regular file of allowed size: an executor
 * may put anything there. What the system refuses is `runner_error`.
 *
 * The files are small, on this host's own disk and on the path of every turn, so they are handled at once: through the
 * thread pool each of some twenty steps would take several times as long as the step itself.
 */
export function fileScratch(root: string): Scratch {
  const base = resolve(root)
  return {
    turnDirectory: async (sessionId, turnNumber) => turnDirectory(base, sessionId, turnNumber),
    write: async (path, content) => write(inside(base, path), content),
    read: async (path, bytesMax) => read(inside(base, path), bytesMax),
    lookUp,
    remove: async (path) => remove(inside(base, path)),
    join,
  }
}

function turnDirectory(base: string, sessionId: string, turnNumber: number): string {
  if (!isSessionId(sessionId)) throw refusal(sessionId, 'is not a session id')
  if (!Number.isSafeInteger(turnNumber) || turnNumber < 0) throw refusal(String(turnNumber), 'is not a turn number')
  const session = join(base, sessionId)
  const path = join(session, `turn-${turnNumber}`)
  try {
    mkdirSync(path, { recursive: true, mode: DIRECTORY_MODE })
    for (const directory of [session, path]) makePrivate(directory)
    return path
  } catch (error) {
    throw failure(path, 'made', error)
  }
}

/** An existing directory keeps its mode, and an executor of an earlier turn could have changed it or what it is. */
function makePrivate(directory: string): void {
  const found = lstatSync(directory)
  if (!found.isDirectory()) throw refusal(directory, 'is not a directory')
  if ((found.mode & MODE_BITS) !== DIRECTORY_MODE) chmodSync(directory, DIRECTORY_MODE)
}

/** What is replaced is never seen in part. A file that is new, as most are, is not there for anybody before this ends. */
function write(path: string, content: string): void {
  if (!writeNew(path, content)) replace(path, content)
}

/** False when something is there already. */
function writeNew(path: string, content: string): boolean {
  try {
    writeFileSync(path, content, { mode: FILE_MODE, flag: 'wx' })
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw failure(path, 'written', error)
  }
}

function replace(path: string, content: string): void {
  const draft = join(dirname(path), `.${basename(path)}.${randomUUID()}`)
  try {
    writeFileSync(draft, content, { mode: FILE_MODE, flag: 'wx' })
    renameSync(draft, path)
  } catch (error) {
    rmSync(draft, { force: true })
    throw failure(path, 'written', error)
  }
}

function read(path: string, bytesMax: number): string | null {
  const file = openWhatIsThere(path)
  if (file === null) return null
  try {
    const found = fstatSync(file)
    if (!found.isFile()) throw refusal(path, 'is not a regular file')
    const content = found.size > bytesMax ? null : readUpTo(file, found.size, bytesMax)
    if (content === null) throw refusal(path, `is larger than ${bytesMax} bytes`)
    return content.toString('utf8')
  } finally {
    closeSync(file)
  }
}

function openWhatIsThere(path: string): number | null {
  try {
    return openSync(path, READ_WHAT_IS_THERE)
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    // What opening a symbolic link and a socket gives.
    if (code === 'ELOOP' || code === 'ENXIO') throw refusal(path, 'is not a regular file')
    throw failure(path, 'read', error)
  }
}

/** Null when there is more: somebody may be writing to the file still, so its size alone proves nothing. */
function readUpTo(file: number, expectedBytes: number, bytesMax: number): Buffer | null {
  const chunks: Buffer[] = []
  let total = 0
  // One byte more than expected, so that the end shows at once.
  for (let size = expectedBytes + 1; total <= bytesMax; size = READ_CHUNK_BYTES) {
    const chunk = Buffer.allocUnsafe(size)
    const bytesRead = readSync(file, chunk)
    chunks.push(chunk.subarray(0, bytesRead))
    total += bytesRead
    if (bytesRead < size) return total <= bytesMax ? Buffer.concat(chunks) : null
  }
  return null
}

/** Only a look, so anywhere. */
async function lookUp(directory: string, name: string): ReturnType<Scratch['lookUp']> {
  const path = join(directory, name)
  try {
    const [base, real] = [await realpath(directory), await realpath(path)]
    return real === base || real.startsWith(join(base, sep)) ? 'inside' : 'outside'
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(codeOf(error))) return 'missing'
    throw failure(path, 'looked up', error)
  }
}

async function remove(path: string): Promise<void> {
  try {
    const found = lstatSync(path, { throwIfNoEntry: false })
    // What a directory holds may be much.
    if (found?.isDirectory() === true) await rm(path, { recursive: true, force: true })
    else if (found !== undefined) unlinkSync(path)
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
