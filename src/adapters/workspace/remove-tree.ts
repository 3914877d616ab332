/** Removing a directory that an agent has worked in. */
import { chmod, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isSystemError } from './system-error.ts'

const REMOVE_RETRIES = 5

/** Removes a directory and all in it; links are removed, never followed. Gone already is fine. */
export async function removeTree(path: string): Promise<void> {
  try {
    await remove(path)
  } catch (error) {
    if (!isSystemError(error, 'EACCES', 'EPERM')) throw error
    // Package managers leave read-only directories behind, which even their owner can't empty.
    await makeWritable(path)
    await remove(path)
  }
}

async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: REMOVE_RETRIES })
}

async function makeWritable(directory: string): Promise<void> {
  await chmod(directory, 0o700)
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) await makeWritable(join(directory, entry.name))
  }
}
