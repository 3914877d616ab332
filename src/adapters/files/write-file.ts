/** Files that are whole or not there: written beside their place, made durable, then moved into it. */
import { randomUUID } from 'node:crypto'
import { open, readFile, rename, rm, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { makeDirectory } from './make-directory.ts'
import { isSwarmError, messageOf, SwarmError } from '../../runtime/errors.ts'

const bufferCharacters = 262_144

/**
 * Replaces a file by these lines, each ended by a newline. Whoever reads it sees the old content or the new, and a fault
 * leaves what was there. Its directory has to be there. Throws `invalid_argument` when the system refuses.
 */
export async function writeLines(path: string, lines: AsyncIterable<string> | Iterable<string>): Promise<void> {
  const target = resolve(path)
  const draft = join(dirname(target), `.${basename(target)}.${randomUUID()}`)
  try {
    await writeDraft(draft, lines)
    await rename(draft, target)
  } catch (error) {
    await rm(draft, { force: true })
    throw asFault(path, 'write', error)
  }
}

export function writeText(path: string, text: string): Promise<void> {
  return writeLines(path, [text])
}

/**
 * The same for a file at a relative path, for which the directory and those below it are made; the directory's own parent
 * has to be there.
 */
export async function writeBelow(directory: string, path: string, text: string): Promise<void> {
  const target = join(directory, path)
  try {
    await makeDirectory(directory)
    const names = dirname(path).split(sep)
    for (const [index] of names.entries()) await makeDirectory(join(directory, ...names.slice(0, index + 1)))
  } catch (error) {
    throw asFault(target, 'write', error)
  }
  await writeText(target, text)
}

/** A small text file. Throws `invalid_argument` when it can't be read. */
export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw asFault(path, 'read', error)
  }
}

async function writeDraft(draft: string, lines: AsyncIterable<string> | Iterable<string>): Promise<void> {
  const file = await open(draft, 'wx')
  try {
    await writeAll(file, lines)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function writeAll(file: FileHandle, lines: AsyncIterable<string> | Iterable<string>): Promise<void> {
  let buffer = ''
  for await (const line of lines) {
    buffer += `${line}\n`
    if (buffer.length < bufferCharacters) continue
    await file.writeFile(buffer)
    buffer = ''
  }
  await file.writeFile(buffer)
}

function asFault(path: string, what: string, error: unknown): unknown {
  if (isSwarmError(error) || !(error instanceof Error && 'code' in error)) return error
  return new SwarmError('invalid_argument', `can't ${what} ${path}: ${messageOf(error)}`, { cause: error })
}
