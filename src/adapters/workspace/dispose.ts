/** What becomes of a workspace when its session is over. */
import { access, mkdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Workspace } from '../../events/parts.ts'
import type { OnCleanup } from '../../events/workflow-config.ts'
import { SwarmError } from '../../runtime/errors.ts'
import type { Disposal } from '../../runtime/ports.ts'
import { ARCHIVE_DIRECTORY, locate } from './containment.ts'
import { type Marker, readMarker } from './marker.ts'
import { clear, discard, remember } from './slot.ts'
import { isSystemError } from './system-error.ts'

/**
 * Repeatable: the marker goes last, so a repeat finds what is left, or nothing. The name may be another session's by
 * then, which its marker shows; that one is left alone.
 */
export async function disposeOf(workspace: Workspace, mode: OnCleanup): Promise<Disposal> {
  const { path } = workspace
  if (mode === 'keep' || workspace.source === 'in-place') return { kind: 'kept', path }
  const found = await locate(workspace)
  const marker = await readMarker(workspace)
  if (marker === null) {
    if (found === 'vanished') return { kind: 'removed', path }
    throw new SwarmError('cleanup_failed', `${path} has no marker that says it is a workspace of ours; it stays`)
  }
  if (!isOf(workspace, marker)) return { kind: 'removed', path }
  if (mode === 'archive') return archive(workspace, marker, found)
  await discard({ place: workspace, marker })
  return { kind: 'removed', path }
}

function isOf(workspace: Workspace, marker: Marker): boolean {
  const keys = ['source', 'source_path', 'branch', 'base_commit'] as const
  const same = keys.every((key) => marker[key] === workspace[key])
  return same && (workspace.session_id === undefined || marker.session_id === workspace.session_id)
}

/** The marker of an archive stays: it keeps the name taken, so no two archives share one, and tells where it lies. */
async function archive(workspace: Workspace, marker: Marker, found: 'present' | 'vanished'): Promise<Disposal> {
  const { path, root } = workspace
  const archivePath = join(root, ARCHIVE_DIRECTORY, `${basename(path)}.tar.gz`)
  const there = await exists(archivePath)
  const place = { path, root }
  if (!there && found === 'vanished') {
    await discard({ place, marker })
    return { kind: 'removed', path }
  }
  if (there && marker.archive_path === null) throw new Error(`archive ${archivePath} exists and is not ours`)
  const slot = await remember({ place, marker }, { archive_path: archivePath })
  if (!there) await pack(path, archivePath, marker.source === 'worktree')
  await clear(slot)
  await remember(slot, { state: 'archived' })
  return { kind: 'archived', path, archivePath }
}

async function pack(path: string, archivePath: string, linked: boolean): Promise<void> {
  await mkdir(dirname(archivePath), { recursive: true, mode: 0o700 })
  const draft = `${archivePath}.draft`
  await rm(draft, { force: true })
  // The `.git` of a linked work tree is only a pointer, which leads nowhere once the work tree is gone.
  const filter = (entry: string) => !(linked && entry === './.git')
  const { create } = await import('tar')
  await create({ gzip: true, cwd: path, file: draft, filter }, ['.'])
  await rename(draft, archivePath)
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return false
    throw error
  }
}
