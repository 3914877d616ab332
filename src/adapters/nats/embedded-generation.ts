/**
 * Whether an embedded server still has all that it was given last. What is written to views is acknowledged before it is
 * on disk, so that is certain only after a stop in order, followed by writing it there. The server's name carries the
 * generation, so that every client knows it.
 */
import { randomBytes } from 'node:crypto'
import { open, readdir, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type EmbeddedPaths, readJson } from './embedded-directory.ts'
import { flag, matching, type Shaped } from './shape.ts'

const GENERATION = {
  generation: matching(/^[0-9a-f]{16}$/),
  /** All of it is on disk, and no server has run since. */
  settled: flag,
}

/** Null for a server that isn't embedded. */
export function embeddedGeneration(serverName: string): string | null {
  return /^swarmtrail-([0-9a-f]{16})-[0-9a-f]{16}$/.exec(serverName)?.[1] ?? null
}

/** A name that no other start has. */
export function serverNameIn(generation: string): string {
  return `swarmtrail-${generation}-${randomBytes(8).toString('hex')}`
}

/** For a server that is about to start: the generation of the last one, if that was settled, else a new one. */
export async function beginGeneration(paths: EmbeddedPaths): Promise<string> {
  const last = await readJson(paths.generation, GENERATION)
  const generation = last?.settled === true ? last.generation : randomBytes(8).toString('hex')
  await writeToDisk(paths.generation, { generation, settled: false })
  return generation
}

/** For a server that has stopped in order. */
export async function settleGeneration(paths: EmbeddedPaths): Promise<void> {
  const last = await readJson(paths.generation, GENERATION)
  if (last === null) return
  for (const entry of await readdir(paths.store, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (path.includes('/KV_') && (entry.isFile() || entry.isDirectory())) await syncPath(path)
  }
  await writeToDisk(paths.generation, { ...last, settled: true })
}

async function writeToDisk(path: string, content: Shaped<typeof GENERATION>): Promise<void> {
  const file = await open(`${path}.new`, 'w', 0o600)
  try {
    await file.writeFile(JSON.stringify(content))
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
  await syncPath(dirname(path))
}

async function syncPath(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
