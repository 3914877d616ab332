/** Making a workspace from a source directory. */
import type { Workspace } from '../../events/parts.ts'
import { messageOf, SwarmError } from '../../runtime/errors.ts'
import type { CreateWorkspace } from '../../runtime/ports.ts'
import { canonicalDirectory, checkName, locate, makeRoot } from './containment.ts'
import { copyTree } from './copy-tree.ts'
import { type Marker, privateGitDir, readMarker } from './marker.ts'
import { makePrivateGitDir } from './private-base.ts'
import { isTracked, type Repository, repositoryOf } from './repository.ts'
import { discard, remember, type Slot, takeSlot, type Wanted } from './slot.ts'
import { snapshotInto } from './snapshot.ts'
import { addWorktree } from './worktree.ts'

export async function createWorkspace(options: CreateWorkspace): Promise<Workspace> {
  const sourcePath = await canonicalDirectory(options.sourcePath, 'source')
  const repository = options.source === 'copy' || options.source === 'empty' ? null : await repositoryOf(sourcePath)
  const source = options.source ?? (await usualSource(repository, sourcePath))
  if (source === 'in-place') return inPlace(sourcePath, repository)
  checkName(options.name)
  const root = await makeRoot(options.root)
  if (root === sourcePath) throw new SwarmError('workspace_failed', `workspace root ${root} is the source itself`)
  const wanted = { session_id: options.sessionId, source, ...beginning(source, sourcePath, repository) }
  const slot = await usableSlot(root, options.name, wanted)
  if (slot.marker.state === 'made') return workspaceOf(slot)
  try {
    return workspaceOf(await fill(slot, repository))
  } catch (error) {
    await clearAfter(error, slot)
    throw error
  }
}

/** A failed session has no cleanup of its workspace, so nothing half-made may stay; failing at that is told too. */
async function clearAfter(error: unknown, slot: Slot): Promise<void> {
  try {
    await discard((await reread(slot)) ?? slot)
  } catch (second) {
    throw new SwarmError('workspace_failed', `${messageOf(error)}; clearing up failed too: ${messageOf(second)}`, {
      cause: error,
    })
  }
}

async function reread(slot: Slot): Promise<Slot | null> {
  const marker = await readMarker(slot.place)
  return marker === null ? null : { place: slot.place, marker }
}

async function usualSource(repository: Repository | null, sourcePath: string): Promise<'worktree' | 'copy'> {
  return repository !== null && (await isTracked(repository, sourcePath)) ? 'worktree' : 'copy'
}

function inPlace(path: string, repository: Repository | null): Workspace {
  const base = repository?.head ?? null
  return { path, root: path, source: 'in-place', source_path: path, base_commit: base, branch: null }
}

function beginning(
  source: Marker['source'],
  sourcePath: string,
  repository: Repository | null,
): Pick<Wanted, 'source_path' | 'base_commit'> {
  if (source !== 'worktree') return { source_path: sourcePath, base_commit: null }
  if (repository === null) throw new SwarmError('workspace_failed', `${sourcePath} is not in a git work tree`)
  if (repository.head === null) throw new SwarmError('workspace_failed', `${repository.topLevel} has no commit yet`)
  return { source_path: repository.topLevel, base_commit: repository.head }
}

/** A slot to fill, or one that an earlier try of this session finished. */
async function usableSlot(root: string, name: string, wanted: Wanted): Promise<Slot> {
  const slot = await takeSlot(root, name, wanted)
  if (slot.marker.state !== 'made' || (await locate(slot.place)) === 'present') return slot
  await discard(slot)
  return takeSlot(root, name, wanted)
}

async function fill(slot: Slot, repository: Repository | null): Promise<Slot> {
  const { place, marker } = slot
  if (marker.source === 'worktree' && repository !== null && marker.base_commit !== null) {
    let current = slot
    const { commonDir } = repository
    await addWorktree(
      { commonDir, path: place.path, base: marker.base_commit, sessionId: marker.session_id },
      async (branch) => {
        current = await remember(slot, { branch })
      },
    )
    return remember(current, { state: 'made' })
  }
  await copyTree(marker.source_path, place.path, place.root)
  const gitDir = privateGitDir(place)
  await makePrivateGitDir(gitDir)
  return remember(slot, { base_tree: await snapshotInto(gitDir, place.path), state: 'made' })
}

function workspaceOf(slot: Slot): Workspace {
  const { session_id, source, source_path, base_commit, branch } = slot.marker
  return { path: slot.place.path, root: slot.place.root, source, source_path, base_commit, branch, session_id }
}
