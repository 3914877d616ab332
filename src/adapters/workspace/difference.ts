/** What a snapshot holds against its base: the list of files and the patch. */
import type { Capture } from '../../events/parts.ts'
import { type GitOptions, gitOutput } from './git.ts'
import { type RawPath, splitList, textOf } from './raw-path.ts'
import type { Snapshot } from './snapshot.ts'

/** Plumbing, so that no setting of the user's shapes it; renames are a deletion and an addition. */
const DIFF = ['diff-index', '--cached', '--no-renames', '--no-ext-diff', '--no-textconv', '--no-color', '--no-relative']
const PATCH = ['-p', '--binary', '--full-index', '--src-prefix=a/', '--dst-prefix=b/', '--submodule=short']

const CHANGES: Readonly<Record<string, Capture['files'][number]['change']>> = {
  A: 'added',
  M: 'modified',
  D: 'deleted',
  T: 'type_changed',
}

export async function changesSince(base: string, now: Snapshot): Promise<Capture['files']> {
  if (!now.differs) return []
  const fields = splitList(await gitOutput([...DIFF, '-z', '--name-status', base], now.place))
  const files: Capture['files'] = []
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const change = CHANGES[fields[index] ?? '']
    if (change === undefined) throw new Error(`git diff-index printed an unknown status ${fields[index]}`)
    files.push({ path: textOf(fields[index + 1] ?? ''), change })
  }
  return files
}

export async function writePatch(base: string, now: Snapshot, file: string): Promise<void> {
  await gitOutput([...DIFF, ...PATCH, base], { ...now.place, stdoutFile: file })
}

/** Paths that one commit or index has beyond the base. */
export async function addedPaths(args: readonly string[], place: GitOptions): Promise<RawPath[]> {
  return splitList(await gitOutput([...args, '-z', '--name-only', '--no-renames', '--diff-filter=A'], place))
}
