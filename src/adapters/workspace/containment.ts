/** Which paths are the project's to touch: a workspace is a real directory right under its canonical root, or nothing. */
import { lstatSync, realpathSync } from 'node:fs'
import { mkdir, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { SwarmError } from '../../runtime/errors.ts'
import { isSystemError } from './system-error.ts'

/** Where markers and private git directories lie, and where archives go; both under the root, neither a workspace. */
export const META_DIRECTORY = '.swarmtrail-meta'
export const ARCHIVE_DIRECTORY = '.archive'

/** The canonical path of an existing directory. Throws `workspace_failed`. */
export async function canonicalDirectory(path: string, what: string): Promise<string> {
  try {
    const canonical = await realpath(path)
    if ((await stat(canonical)).isDirectory()) return canonical
  } catch (error) {
    if (!isSystemError(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) throw error
  }
  throw new SwarmError('workspace_failed', `${what} ${path} is not a directory`)
}

export async function makeRoot(path: string): Promise<string> {
  try {
    await mkdir(path, { recursive: true })
  } catch (error) {
    throw new SwarmError('workspace_failed', `workspace root ${path} can't be made`, { cause: error })
  }
  return canonicalDirectory(path, 'workspace root')
}

/** Names are validated where they enter; what would leave the root or hit our own directories is refused here too. */
export function checkName(name: string): void {
  const reserved = ['', '.', '..', META_DIRECTORY, ARCHIVE_DIRECTORY]
  if (reserved.includes(name) || /[/\\\0]/.test(name)) {
    throw new SwarmError('workspace_failed', `"${name}" can't be the name of a workspace`)
  }
}

/**
 * Whether the workspace's directory is there. Throws `workspace_failed` when something else is, or it isn't in its root.
 * Two looks, made at once: this comes before every turn and every tool call. What lies right inside a canonical root and
 * is no link can't lead anywhere else.
 */
export async function locate(place: { path: string; root: string }): Promise<'present' | 'vanished'> {
  const { path, root } = place
  checkName(basename(path))
  if (path !== join(root, basename(path)) || dirname(path) !== root) refuse(path, `is not right inside ${root}`)
  try {
    if (realpathSync.native(root) !== root) refuse(path, 'has a root that was moved or replaced by a link')
    const entry = lstatSync(path)
    if (entry.isSymbolicLink()) refuse(path, 'is a symbolic link')
    if (!entry.isDirectory()) refuse(path, 'is not a directory')
    return 'present'
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return 'vanished'
    throw error
  }
}

function refuse(path: string, why: string): never {
  throw new SwarmError('workspace_failed', `workspace ${path} ${why}`, { details: { path } })
}
