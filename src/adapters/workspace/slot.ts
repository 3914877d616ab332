/** A slot is a session's own directory name under the root, claimed by its marker before anything is made there. */
import { mkdir, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { SwarmError } from '../../runtime/errors.ts'
import {
  claimMarker,
  dropMarker,
  type MarkedPlace,
  type Marker,
  privateGitDir,
  readMarker,
  updateMarker,
} from './marker.ts'
import { removeTree } from './remove-tree.ts'
import { EMPTY_TREE } from './snapshot.ts'
import { isSystemError } from './system-error.ts'
import { deleteBranch, branchCommit, forgetWorktree, suffixed } from './worktree.ts'
import { repositoryOf } from './repository.ts'

const NAME_SUFFIX_MAX = 1000

export type Slot = { place: MarkedPlace; marker: Marker }

export type Wanted = Pick<Marker, 'session_id' | 'source' | 'source_path' | 'base_commit'>

/**
 * The session's slot: the one it has from an earlier try, else the first free name (`name`, `name-2`, ...).
 * Its directory exists; unless the marker says `made`, it is empty.
 */
export async function takeSlot(root: string, name: string, wanted: Wanted): Promise<Slot> {
  for (let n = 1; n <= NAME_SUFFIX_MAX; n += 1) {
    const place = { root, path: join(root, suffixed(name, n)) }
    const earlier = await readMarker(place)
    if (earlier !== null && earlier.session_id === wanted.session_id && earlier.state !== 'archived') {
      if (earlier.state === 'made') return { place, marker: earlier }
      await discard({ place, marker: earlier })
    }
    const slot = await claim(place, wanted)
    if (slot !== null) return slot
  }
  throw new SwarmError('workspace_failed', `no free name for workspace ${name} in ${root}`)
}

async function claim(place: MarkedPlace, wanted: Wanted): Promise<Slot | null> {
  const unmade = { branch: null, base_tree: null, archive_path: null }
  const marker: Marker = { ...wanted, ...unmade, path: place.path, state: 'claimed' }
  if (!(await claimMarker(place, marker))) return null
  try {
    await mkdir(place.path)
  } catch (error) {
    await dropMarker(place)
    // Somebody else's: it stays as it is, and the next name is tried.
    if (isSystemError(error, 'EEXIST')) return null
    throw error
  }
  // An empty one is finished by that.
  const state = wanted.source === 'empty' ? 'made' : 'making'
  return remember({ place, marker }, { state, base_tree: wanted.source === 'empty' ? EMPTY_TREE : null })
}

export async function remember(slot: Slot, change: Partial<Marker>): Promise<Slot> {
  const marker = { ...slot.marker, ...change }
  await updateMarker(slot.place, marker)
  return { place: slot.place, marker }
}

/** Removes all that the marker says is ours, and the marker last, so that a crash in between is made good by a repeat. */
export async function discard(slot: Slot): Promise<void> {
  await clear(slot)
  await dropMarker(slot.place)
}

/** Removes all that the marker says is ours, but not the marker. Repeatable. */
export async function clear(slot: Slot): Promise<void> {
  const { place, marker } = slot
  if (marker.state === 'claimed') await removeIfEmpty(place.path)
  else await removeTree(place.path)
  await rm(privateGitDir(place), { recursive: true, force: true })
  if (marker.source !== 'worktree' || marker.state === 'claimed') return
  const commonDir = await commonDirOf(marker.source_path)
  if (commonDir === null) return
  await forgetWorktree(commonDir, place.path)
  await deleteOwnBranch(commonDir, marker)
}

/** While a workspace is half-made, only a branch that still stands at the base is known to be ours. */
async function deleteOwnBranch(commonDir: string, { branch, state, base_commit }: Marker): Promise<void> {
  if (branch === null) return
  if (state === 'making' && (await branchCommit(commonDir, branch)) !== base_commit) return
  await deleteBranch(commonDir, branch)
}

/** Null when the source is gone, or no repository any more. */
async function commonDirOf(sourcePath: string): Promise<string | null> {
  try {
    return (await repositoryOf(sourcePath))?.commonDir ?? null
  } catch (error) {
    if (error instanceof Error && /ENOENT|does not exist/.test(error.message)) return null
    throw error
  }
}

/** The crash came between the claim and the directory: one with something in it was never ours. */
async function removeIfEmpty(path: string): Promise<void> {
  try {
    await rmdir(path)
  } catch (error) {
    if (!isSystemError(error, 'ENOENT', 'ENOTEMPTY', 'EEXIST', 'ENOTDIR')) throw error
  }
}
