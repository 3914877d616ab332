/** What a session changed in its workspace, against what the workspace began with. */
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Capture, Workspace } from '../../events/parts.ts'
import { SwarmError } from '../../runtime/errors.ts'
import { locate } from './containment.ts'
import { addedPaths, changesSince, writePatch } from './difference.ts'
import { git, gitOutput, type GitOptions } from './git.ts'
import { privateGitDir, readMarker } from './marker.ts'
import { makePrivateGitDir } from './private-base.ts'
import { splitList, textOf } from './raw-path.ts'
import { linkedDirOf, repositoryOf } from './repository.ts'
import { EMPTY_TREE, snapshot, type Snapshot } from './snapshot.ts'
import { branchCommit } from './worktree.ts'

export type CapturedWork = Omit<Capture, 'patch'> & { patchFile: string | null }

const PATCH_FILE = 'work.patch'

export async function captureWork(workspace: Workspace, directory: string): Promise<CapturedWork | null> {
  if (workspace.source === 'in-place') return null
  await mkdir(directory, { recursive: true })
  const patchFile = join(directory, PATCH_FILE)
  const { head, files } = await inspect(workspace, async ({ head, base, now }) => {
    const [files] = await Promise.all([changesSince(base, now), now.differs ? writePatch(base, now, patchFile) : null])
    return { head, files }
  })
  const { base_commit } = workspace
  return { format: 'patch', base_commit, head_commit: head, files, patchFile: files.length === 0 ? null : patchFile }
}

export async function changedPaths(workspace: Workspace): Promise<string[]> {
  if (workspace.source === 'in-place') return changedInPlace(workspace)
  const files = await inspect(workspace, ({ base, now }) => changesSince(base, now))
  return sorted(files.map((file) => file.path))
}

export async function hasNothingUncommitted(workspace: Workspace): Promise<boolean> {
  if (workspace.source === 'copy' || workspace.source === 'empty') return (await changedPaths(workspace)).length === 0
  await mustBeThere(workspace)
  return (await gitOutput(['status', '--porcelain', '-z', '--untracked-files=all'], await workTreeOf(workspace))) === ''
}

type Origin = { gitDir: string; base: string; head: string | null; tracked: string[] }
type Inspected = Pick<Origin, 'head' | 'base'> & { now: Snapshot }

/** Works on a snapshot of the workspace, which is gone afterwards. */
async function inspect<T>(workspace: Workspace, work: (inspected: Inspected) => Promise<T>): Promise<T> {
  await mustBeThere(workspace)
  if (workspace.source === 'empty' && (await readdir(workspace.path)).length === 0) {
    return work({ head: null, base: EMPTY_TREE, now: { place: {}, differs: false } })
  }
  return inScratch(async (scratch) => {
    const { gitDir, base, head, tracked } = await originOf(workspace, scratch)
    // An empty beginning needs no index to start from.
    const start = base === EMPTY_TREE ? null : base
    const now = await snapshot({ gitDir, base: start, tracked, workTree: workspace.path, scratch })
    return work({ head, base, now })
  })
}

async function originOf(workspace: Workspace, scratch: string): Promise<Origin> {
  if (workspace.source === 'worktree') return originOfWorktree(workspace)
  return workspace.source === 'empty' ? originOfEmpty(scratch) : originOfCopy(workspace)
}

async function originOfEmpty(scratch: string): Promise<Origin> {
  const gitDir = join(scratch, 'git')
  await makePrivateGitDir(gitDir)
  return { gitDir, base: EMPTY_TREE, head: null, tracked: [] }
}

async function originOfCopy(workspace: Workspace): Promise<Origin> {
  const marker = await readMarker(workspace)
  if (marker === null || marker.base_tree === null) {
    throw new SwarmError('capture_failed', `what workspace ${workspace.path} began with is not known any more`)
  }
  return { gitDir: privateGitDir(workspace), base: marker.base_tree, head: null, tracked: [] }
}

/** The agent's own commits and index count only for which ignored paths it tracked, and for the head commit. */
async function originOfWorktree(workspace: Workspace): Promise<Origin> {
  const repository = await repositoryOf(workspace.source_path)
  const base = workspace.base_commit
  if (repository === null || base === null) {
    throw new SwarmError('capture_failed', `${workspace.source_path} is not a git repository any more`)
  }
  const gitDir = repository.commonDir
  const linkedDir = await linkedDirOf(gitDir, workspace.path)
  const [own, staged] = await Promise.all([
    linkedDir && headOf(linkedDir),
    linkedDir === null ? [] : stagedPaths(linkedDir, workspace.path, base),
  ])
  const head = own ?? (await branchHead(gitDir, workspace.branch))
  const committed = head === null || head === base ? [] : await addedPaths(['diff-tree', '-r', base, head], { gitDir })
  return { gitDir, base, head, tracked: [...committed, ...staged] }
}

async function headOf(gitDir: string): Promise<string | null> {
  const head = await git(['rev-parse', '--quiet', '--verify', 'HEAD^{commit}'], { gitDir })
  return head.ok ? head.stdout.trim() : null
}

async function branchHead(gitDir: string, branch: string | null): Promise<string | null> {
  return branch === null ? null : branchCommit(gitDir, branch)
}

/** None when the agent broke its index: the files themselves are captured all the same. */
async function stagedPaths(gitDir: string, workTree: string, base: string): Promise<string[]> {
  const args = ['diff-index', '--cached', '-z', '--name-only', '--no-renames', '--diff-filter=A', base]
  const staged = await git(args, { gitDir, workTree })
  return staged.ok ? splitList(staged.stdout) : []
}

/** Without a base of its own, so it is the commit at the beginning that it is compared with. */
async function changedInPlace(workspace: Workspace): Promise<string[]> {
  const place = await workTreeOf(workspace)
  if (workspace.base_commit === null) {
    throw new SwarmError('capture_failed', `${workspace.path} had no commit to compare with`)
  }
  const args = ['diff', '-z', '--name-only', '--no-renames', '--no-ext-diff', '--relative', workspace.base_commit]
  const tracked = splitList(await gitOutput(args, place))
  const others = splitList(await gitOutput(['ls-files', '-z', '--others', '--exclude-standard'], place))
  return sorted([...new Set([...tracked, ...others])].map(textOf))
}

/** How to ask git about a work tree without trusting the `.git` in it, unless it is the user's own. */
async function workTreeOf(workspace: Workspace): Promise<GitOptions> {
  const repository = await repositoryOf(workspace.source_path)
  if (workspace.source === 'in-place' && repository !== null) return { cwd: workspace.path }
  const gitDir = repository && (await linkedDirOf(repository.commonDir, workspace.path))
  if (!gitDir) throw new SwarmError('capture_failed', `git knows no work tree at ${workspace.path}`)
  return { gitDir, workTree: workspace.path }
}

async function mustBeThere(workspace: Workspace): Promise<void> {
  if (workspace.source === 'in-place') return
  if ((await locate(workspace)) === 'vanished') {
    throw new SwarmError('capture_failed', `workspace ${workspace.path} is gone`)
  }
}

async function inScratch<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'swarmtrail-snapshot-'))
  try {
    return await work(directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

function sorted(paths: string[]): string[] {
  return paths.toSorted((left, right) => (left < right ? -1 : Number(left > right)))
}
