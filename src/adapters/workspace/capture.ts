/** What a session changed in its workspace, against what the workspace began with. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Capture, Workspace } from '../../events/parts.ts'
import { SwarmError } from '../../runtime/errors.ts'
import { locate } from './containment.ts'
import { addedPaths, changesSince, writePatch } from './difference.ts'
import { git, gitOutput, type GitOptions } from './git.ts'
import { privateGitDir, readMarker } from './marker.ts'
import { splitList, textOf } from './raw-path.ts'
import { linkedDirOf, repositoryOf } from './repository.ts'
import { snapshot } from './snapshot.ts'
import { branchCommit } from './worktree.ts'

export type CapturedWork = Omit<Capture, 'patch'> & { patchFile: string | null }

const PATCH_FILE = 'work.patch'

export async function captureWork(workspace: Workspace, directory: string): Promise<CapturedWork | null> {
  if (workspace.source === 'in-place') return null
  await mustBeThere(workspace)
  await mkdir(directory, { recursive: true })
  const origin = await originOf(workspace)
  return inScratch(async (scratch) => {
    const now = await snapshot({ ...origin, workTree: workspace.path, scratch })
    const files = await changesSince(origin.base, now)
    const patchFile = files.length === 0 ? null : join(directory, PATCH_FILE)
    if (patchFile !== null) await writePatch(origin.base, now, patchFile)
    return { format: 'patch', base_commit: workspace.base_commit, head_commit: origin.head, files, patchFile }
  })
}

export async function changedPaths(workspace: Workspace): Promise<string[]> {
  await mustBeThere(workspace)
  if (workspace.source === 'in-place') return changedInPlace(workspace)
  const origin = await originOf(workspace)
  const files = await inScratch(async (scratch) =>
    changesSince(origin.base, await snapshot({ ...origin, workTree: workspace.path, scratch })),
  )
  return sorted(files.map((file) => file.path))
}

export async function hasNothingUncommitted(workspace: Workspace): Promise<boolean> {
  await mustBeThere(workspace)
  if (workspace.source === 'copy' || workspace.source === 'empty') return (await changedPaths(workspace)).length === 0
  return (await gitOutput(['status', '--porcelain', '-z', '--untracked-files=all'], await workTreeOf(workspace))) === ''
}

type Origin = { gitDir: string; base: string; head: string | null; tracked: string[] }

async function originOf(workspace: Workspace): Promise<Origin> {
  return workspace.source === 'worktree' ? originOfWorktree(workspace) : originOfCopy(workspace)
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
  const head = (linkedDir && (await headOf(linkedDir))) ?? (await branchHead(gitDir, workspace.branch))
  const tracked = head === null ? [] : await addedPaths(['diff-tree', '-r', base, head], { gitDir })
  if (linkedDir !== null) tracked.push(...(await stagedPaths(linkedDir, workspace.path, base)))
  return { gitDir, base, head, tracked }
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
