/**
 * A lock between processes that use one directory; a dead owner's lock is free.
 *
 * The lock is a row of numbered files: who made the highest one holds it, until it is marked released or its owner is
 * dead. A file of the row is made by one atomic link and never taken away while it is the highest, so there is no moment
 * in which breaking a dead owner's lock could break a living one's (removing a lock file by name has that moment).
 */
import { link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SwarmError } from '../../runtime/errors.ts'
import { isAlive, ownIdentity, type ProcessIdentity, pause } from './embedded-processes.ts'

const lockPollMs = 15
/** Longer than fetching and starting a server together take: the owner may be doing just that. */
const lockWaitMs = 240_000
/** Older files are kept for a while, so that someone listing them while the row grows always meets one. */
const keptFiles = 8
const RELEASED = 'released'

let drafts = 0

/** Runs the work while no other process (or other caller in this one) does in the same directory. */
export async function withLock<T>(directory: string, work: () => Promise<T>): Promise<T> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const number = await take(directory)
  try {
    return await work()
  } finally {
    const draft = await writeDraft(directory, RELEASED)
    await rename(draft, join(directory, String(number)))
  }
}

async function take(directory: string): Promise<number> {
  const giveUpAt = performance.now() + lockWaitMs
  for (;;) {
    const top = await highest(directory)
    const owner = top === 0 ? null : await ownerOf(directory, top)
    if (owner === null && (await claim(directory, top + 1))) return top + 1
    if (performance.now() > giveUpAt)
      throw new SwarmError(
        'log_unreachable',
        `${directory} has been locked by process ${owner?.pid ?? 'unknown'} for too long`,
      )
    await pause(lockPollMs)
  }
}

async function claim(directory: string, number: number): Promise<boolean> {
  const draft = await writeDraft(directory, JSON.stringify(ownIdentity()))
  try {
    await link(draft, join(directory, String(number)))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    await rm(draft)
  }
  const top = await highest(directory)
  // Others may have gone further since the row was listed; then this number is an old one that was free again.
  if (top > number) {
    await rm(join(directory, String(number)), { force: true })
    return false
  }
  await prune(directory, number - keptFiles)
  return true
}

async function prune(directory: string, upTo: number): Promise<void> {
  for (const number of await row(directory))
    if (number <= upTo) await rm(join(directory, String(number)), { force: true })
}

async function highest(directory: string): Promise<number> {
  return Math.max(0, ...(await row(directory)))
}

async function row(directory: string): Promise<number[]> {
  return (await readdir(directory)).filter((name) => /^\d+$/.test(name)).map(Number)
}

/** Null when released, when the owner is dead, or when the file is gone because the row went on. */
async function ownerOf(directory: string, number: number): Promise<ProcessIdentity | null> {
  try {
    const content = await readFile(join(directory, String(number)), 'utf8')
    if (content === RELEASED) return null
    const owner = JSON.parse(content) as ProcessIdentity
    return isAlive(owner) ? owner : null
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

async function writeDraft(directory: string, content: string): Promise<string> {
  const draft = join(directory, `draft-${process.pid}-${drafts++}`)
  await writeFile(draft, content, { mode: 0o600 })
  return draft
}
