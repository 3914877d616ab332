/** The registry of all sessions as one JSON file, as ACE keeps it: lock, read, parse, change one, rewrite, rename. */
import { open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const SUMMARY = 'read the code, changed two files, ran the tests; '.repeat(16)
const LOCK_WAIT_MS = 5

/** A registry of so many finished sessions of about 1.5 KB each. */
export async function registryFile(dir, sessions) {
  const path = join(dir, `registry-${sessions}.json`)
  const records = Array.from({ length: sessions }, (_, index) => recordOf(`done-${index}`))
  await writeFile(path, JSON.stringify({ sessions: records }, null, 2))
  return {
    /** A session starts and finishes: two changes. */
    async session(id) {
      await changed(path, ({ sessions: all }) => all.push({ ...recordOf(id), status: 'running' }))
      await changed(path, ({ sessions: all }) =>
        Object.assign(
          all.find((record) => record.session_id === id),
          recordOf(id),
        ),
      )
    },
  }
}

async function changed(path, change) {
  const lock = await locked(`${path}.lock`)
  try {
    const registry = JSON.parse(await readFile(path, 'utf8'))
    change(registry)
    await writeFile(`${path}.new`, JSON.stringify(registry, null, 2))
    await rename(`${path}.new`, path)
  } finally {
    await lock.close()
    await rm(`${path}.lock`)
  }
}

async function locked(path) {
  for (;;) {
    try {
      return await open(path, 'wx')
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
      await new Promise((resolve) => setTimeout(resolve, LOCK_WAIT_MS))
    }
  }
}

function recordOf(session_id) {
  const turns = [1, 2].map((turn_number) => ({ turn_number, status: 'completed', exit_code: 0, duration_ms: 61_000 }))
  return {
    session_id,
    status: 'completed',
    task: 'Fix the login test',
    turns,
    result_summary: SUMMARY,
    evidence_refs: [],
  }
}
