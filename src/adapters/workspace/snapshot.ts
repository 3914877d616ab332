/**
 * A snapshot is a work tree as it is now: everything committed or not, untracked files included,
 * ignored ones not. It is made with an index of its own, and from the repository's own git directory: whatever an
 * agent did to the `.git` in its workspace, to the index or to its branch changes nothing.
 */
import { type BigIntStats, type Stats } from 'node:fs'
import { lstat, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { git, type GitOptions, gitOutput } from './git.ts'
import { below, joinList, joinRaw, type RawPath, splitList } from './raw-path.ts'
import { isSystemError } from './system-error.ts'

export type SnapshotOptions = {
  gitDir: string
  workTree: string
  /** Commit or tree to start from; null: nothing is tracked, and there is no index yet. */
  base: string | null
  /** Paths to take although they are ignored, as the agent tracked them. */
  tracked?: readonly RawPath[] | undefined
  /** Take ignored files too. */
  ignored?: boolean | undefined
  /** Existing directory for the index and new objects, which the caller removes; the git directory stays untouched. */
  scratch: string
}

/** An index that holds what is there now, and whether that differs from the base. */
export type Snapshot = { place: GitOptions; differs: boolean }

/** The tree without any entry, which git knows without having it. */
export const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904'

export async function snapshot(options: SnapshotOptions): Promise<Snapshot> {
  const objects = { directory: join(options.scratch, 'objects'), alternate: join(options.gitDir, 'objects') }
  await mkdir(objects.directory, { recursive: true })
  const { gitDir, workTree, scratch } = options
  const place = { gitDir, workTree, objects, indexFile: join(scratch, 'index') }
  return { place, differs: await takeIn(options, place) }
}

/** The tree of everything there, ignored or not, kept in a git directory of its own. */
export async function snapshotInto(gitDir: string, workTree: string): Promise<string> {
  const place = { gitDir, workTree, indexFile: join(gitDir, 'index') }
  const differs = await takeIn({ gitDir, workTree, base: null, ignored: true, scratch: gitDir }, place)
  return differs ? (await gitOutput(['write-tree'], place)).trim() : EMPTY_TREE
}

/** Makes the index hold what is there now; false when that is what it began with. */
async function takeIn(options: SnapshotOptions, place: GitOptions): Promise<boolean> {
  if (options.base !== null) await gitOutput(['read-tree', options.base], place)
  const changes = options.base === null ? { changed: [], gone: [] } : trackedChanges(place)
  const [tracked, found] = await Promise.all([changes, untracked(options, place)])
  const gone: RawPath[] = [...tracked.gone]
  const present: RawPath[] = []
  for (const path of new Set([...tracked.changed, ...found, ...(options.tracked ?? [])])) {
    const kind = await kindOf(options.workTree, path)
    if (kind === 'content' || kind === 'submodule') present.push(path)
    else if (kind === 'other') gone.push(path)
  }
  await updateIndex(['--force-remove'], gone, place)
  // What is there now wins over tracked paths below it that git could not even look at (a link that leads to itself).
  await updateIndex(['--add', '--remove', '--replace'], present, place)
  return gone.length > 0 || present.length > 0
}

async function updateIndex(how: readonly string[], paths: readonly RawPath[], place: GitOptions): Promise<void> {
  if (paths.length === 0) return
  await gitOutput(['update-index', ...how, '-z', '--stdin'], { ...place, input: joinList(paths) })
}

/** Tracked paths that differ: `gone` ones must leave the index before anything enters, as a directory may take their place. */
async function trackedChanges(place: GitOptions): Promise<{ changed: RawPath[]; gone: RawPath[] }> {
  // Exits with 1 when something changed; the list that follows says what.
  await git(['update-index', '-q', '--refresh'], place)
  const fields = splitList(await gitOutput(['diff-files', '-z', '--name-status', '--ignore-submodules=dirty'], place))
  const changed: RawPath[] = []
  const gone: RawPath[] = []
  for (let index = 0; index + 1 < fields.length; index += 2) {
    ;(fields[index] === 'D' ? gone : changed).push(fields[index + 1] ?? '')
  }
  return { changed, gone }
}

/** Untracked files; those of a repository inside the work tree, which git shows as one entry, one by one. */
async function untracked(options: SnapshotOptions, place: GitOptions): Promise<RawPath[]> {
  const standard = options.ignored ? [] : ['--exclude-standard']
  const listed = splitList(await gitOutput(['ls-files', '-z', '--others', ...standard], place))
  const found = listed.filter((path) => !path.endsWith('/'))
  const nested: RawPath[] = []
  for (const path of listed.filter((path) => path.endsWith('/'))) {
    await collect(options.workTree, path.slice(0, -1), nested)
  }
  if (nested.length === 0) return found
  // Exits with 1 when it ignores none of them.
  const ignored = await git(['check-ignore', '--no-index', '-z', '--stdin'], { ...place, input: joinList(nested) })
  if (ignored.exitCode > 1) throw new Error(`git check-ignore: ${ignored.stderr}`)
  const left = new Set(options.ignored ? [] : splitList(ignored.stdout))
  return [...found, ...nested.filter((path) => !left.has(path))]
}

async function collect(workTree: string, directory: RawPath, into: RawPath[]): Promise<void> {
  const entries = await readdir(below(workTree, directory), { withFileTypes: true, encoding: 'latin1' })
  for (const entry of entries) {
    const path = joinRaw(directory, entry.name)
    if (entry.name === '.git') continue
    if (entry.isDirectory()) await collect(workTree, path, into)
    else into.push(path)
  }
}

async function kindOf(workTree: string, path: RawPath): Promise<'content' | 'submodule' | 'other' | 'absent'> {
  const entry = await entryAt(below(workTree, path))
  if (entry === null) return 'absent'
  if (entry.isFile() || entry.isSymbolicLink()) return 'content'
  return entry.isDirectory() ? 'submodule' : 'other'
}

async function entryAt(path: Buffer): Promise<Stats | BigIntStats | null> {
  try {
    return await lstat(path)
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return null
    throw error
  }
}
