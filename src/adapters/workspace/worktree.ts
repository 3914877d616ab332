/** Linked work trees on branches of their own. */
import { firstError, git, type GitResult, gitPatiently } from './git.ts'
import { linkedDirOf } from './repository.ts'

const BRANCH_SUFFIX_MAX = 1000

export function suffixed(name: string, n: number): string {
  return n === 1 ? name : `${name}-${n}`
}

/**
 * Adds a work tree at an empty directory, on the first branch name of ours that is free. `intend` is told the name
 * before the branch is made, so that a half-made one can be found again.
 */
export async function addWorktree(
  options: { commonDir: string; path: string; base: string; sessionId: string },
  intend: (branch: string) => Promise<void>,
): Promise<void> {
  const { commonDir, path } = options
  const branch = await makeBranch(options, intend)
  const args = ['worktree', 'add', '--quiet', path, branch]
  const added = await oneAtATime(commonDir, () => gitPatiently(args, { gitDir: commonDir }))
  if (!added.ok) throw new Error(`git worktree add: ${firstError(added.stderr)}`)
}

/** On its own, because adding the work tree may have to be repeated and must not meet its own branch then. */
async function makeBranch(
  options: { commonDir: string; base: string; sessionId: string },
  intend: (branch: string) => Promise<void>,
): Promise<string> {
  const { commonDir, base, sessionId } = options
  for (let n = 1; n <= BRANCH_SUFFIX_MAX; n += 1) {
    const branch = suffixed(`swarmtrail/${sessionId}`, n)
    if ((await branchCommit(commonDir, branch)) !== null) continue
    await intend(branch)
    // The empty old value: only if there is no such branch yet.
    const args = ['update-ref', '-m', `swarmtrail: session ${sessionId}`, `refs/heads/${branch}`, base, '']
    const made = await gitPatiently(args, { gitDir: commonDir })
    if (made.ok) return branch
    if (!/reference already exists/.test(made.stderr)) throw new Error(`git update-ref: ${firstError(made.stderr)}`)
  }
  throw new Error(`no free branch name for swarmtrail/${sessionId}`)
}

/** Makes git forget a work tree whose directory is gone already. Repeatable. */
export async function forgetWorktree(commonDir: string, path: string): Promise<void> {
  // Twice forced: also one that somebody locked, or that was left half-made.
  const args = ['worktree', 'remove', '--force', '--force', path]
  const removed = await oneAtATime(commonDir, () => gitPatiently(args, { gitDir: commonDir }))
  if (!removed.ok && (await linkedDirOf(commonDir, path)) !== null) {
    throw new Error(`git worktree remove: ${firstError(removed.stderr)}`)
  }
}

/** Deletes a branch of ours; one that another work tree has checked out by now is in use and stays. Repeatable. */
export async function deleteBranch(commonDir: string, branch: string): Promise<void> {
  const args = ['branch', '--quiet', '-D', '--', branch]
  const deleted = await oneAtATime(commonDir, () => gitPatiently(args, { gitDir: commonDir }))
  if (!deleted.ok && !/checked out at|used by worktree|not found/.test(deleted.stderr)) {
    throw new Error(`git branch -D: ${firstError(deleted.stderr)}`)
  }
}

export async function branchCommit(commonDir: string, branch: string): Promise<string | null> {
  const found = await git(['rev-parse', '--quiet', '--verify', `refs/heads/${branch}^{commit}`], { gitDir: commonDir })
  return found.ok ? found.stdout.trim() : null
}

const queues = new Map<string, Promise<unknown>>()

/** Sessions that start at once would only fight for git's locks; other processes are met with patience instead. */
function oneAtATime(commonDir: string, work: () => Promise<GitResult>): Promise<GitResult> {
  const before = queues.get(commonDir) ?? Promise.resolve()
  const mine = before.then(work, work)
  queues.set(commonDir, mine)
  const tidy = () => {
    if (queues.get(commonDir) === mine) queues.delete(commonDir)
  }
  mine.then(tidy, tidy)
  return mine
}
