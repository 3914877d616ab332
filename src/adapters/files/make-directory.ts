import { mkdir } from 'node:fs/promises'

/**
 * Makes one level, when it is missing; throws what the system says. For more levels Node's own goes round for ever where
 * a system, such as `/proc`, makes none.
 */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
}
