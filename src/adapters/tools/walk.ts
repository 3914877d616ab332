/** The files of a workspace. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { openDirectory, realPathInside, shownPath } from './confined-path.ts'
import { WALK_ENTRIES_MAX } from './limits.ts'
import { ToolFault } from './tool.ts'

const LEFT_OUT = new Set(['.git', 'node_modules', '.swarmtrail'])

export type Walked = { files: string[]; truncated: boolean }

/** Files and links (not followed) at or below a path, relative to the workspace, in a stable order. */
export async function filesBelow(workspace: string, path: string, signal: AbortSignal): Promise<Walked> {
  const real = await realPathInside(workspace, path)
  if ((await stat(real)).isFile()) return { files: [shownPath(workspace, real)], truncated: false }
  const walked: Walked = { files: [], truncated: false }
  let seen = 0
  const visit = async (directory: string): Promise<void> => {
    for (const entry of await entriesOf(workspace, directory)) {
      if (LEFT_OUT.has(entry.name)) continue
      signal.throwIfAborted()
      seen += 1
      if (seen > WALK_ENTRIES_MAX) {
        walked.truncated = true
        return
      }
      const inner = join(directory, entry.name)
      if (entry.isDirectory()) await visit(inner)
      else if (entry.isFile() || entry.isSymbolicLink()) walked.files.push(shownPath(workspace, inner))
    }
  }
  await visit(real)
  return walked
}

/** None when the directory went, or was swapped for a link, since its parent was read. */
async function entriesOf(workspace: string, directory: string) {
  try {
    const opened = await openDirectory(workspace, directory)
    try {
      const entries = await readdir(opened.path, { withFileTypes: true })
      return entries.toSorted((one, other) => (one.name < other.name ? -1 : 1))
    } finally {
      await opened.handle.close()
    }
  } catch (error) {
    if (error instanceof ToolFault && (error.code === 'not_found' || error.code === 'outside_workspace')) return []
    throw error
  }
}
