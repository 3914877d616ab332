/**
 * A marker says which session a directory under the root belongs to. It lies outside the workspace, is made before
 * anything else and goes after everything else, so nothing without one is ever ours to change or remove.
 */
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { z } from 'zod'
import { META_DIRECTORY } from './containment.ts'
import { isSystemError } from './system-error.ts'

const markerSchema = z.object({
  session_id: z.string(),
  path: z.string(),
  /** claimed: the name is ours, a directory there need not be; making: the directory is ours, half-made. */
  state: z.enum(['claimed', 'making', 'made', 'archived']),
  source: z.enum(['worktree', 'copy', 'empty']),
  source_path: z.string(),
  base_commit: z.string().nullable(),
  branch: z.string().nullable(),
  /** Tree of what a copy (in its private git directory) or an empty workspace began with. */
  base_tree: z.string().nullable(),
  archive_path: z.string().nullable(),
})
export type Marker = z.output<typeof markerSchema>

export type MarkedPlace = { path: string; root: string }

/** The git directory that holds the base of a copy. */
export function privateGitDir(place: MarkedPlace): string {
  return join(place.root, META_DIRECTORY, `${basename(place.path)}.git`)
}

/** Null when there is none, or none that can be understood: then the place isn't ours. */
export async function readMarker(place: MarkedPlace): Promise<Marker | null> {
  try {
    const marker = markerSchema.safeParse(JSON.parse(await readFile(markerPath(place), 'utf8')))
    return marker.success && marker.data.path === place.path ? marker.data : null
  } catch (error) {
    if (error instanceof SyntaxError || isSystemError(error, 'ENOENT')) return null
    throw error
  }
}

/** Makes a place ours, whole or not at all; false when it is taken. */
export async function claimMarker(place: MarkedPlace, marker: Marker): Promise<boolean> {
  await mkdir(join(place.root, META_DIRECTORY), { recursive: true, mode: 0o700 })
  // Lost in a power cut, a claim takes with it nothing but an empty directory.
  const draft = await writeDraft(place, marker, { flush: false })
  try {
    await link(draft, markerPath(place))
    return true
  } catch (error) {
    if (isSystemError(error, 'EEXIST')) return false
    throw error
  } finally {
    await rm(draft, { force: true })
  }
}

export async function updateMarker(place: MarkedPlace, marker: Marker): Promise<void> {
  await rename(await writeDraft(place, marker, { flush: true }), markerPath(place))
}

export async function dropMarker(place: MarkedPlace): Promise<void> {
  await rm(markerPath(place), { force: true })
}

async function writeDraft(place: MarkedPlace, marker: Marker, { flush }: { flush: boolean }): Promise<string> {
  const draft = `${markerPath(place)}.${process.pid}.${marker.session_id}.draft`
  await writeFile(draft, `${JSON.stringify(marker)}\n`, { mode: 0o600, flush })
  return draft
}

function markerPath(place: MarkedPlace): string {
  return join(place.root, META_DIRECTORY, `${basename(place.path)}.json`)
}
