/** What git knows about a source directory. */
import { readdir, readFile, realpath } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { firstError, git, gitOutput } from './git.ts'
import { rawFrom, textOf } from './raw-path.ts'
import { isSystemError } from './system-error.ts'

export type Repository = {
  /** Canonical path of the work tree that holds the source. */
  topLevel: string
  /** The repository proper, shared by all of its work trees. */
  commonDir: string
  /** The commit that HEAD names; null before the first one. */
  head: string | null
}

/** The repository a directory lies in, or null. Throws when git refuses to look (an owner it doesn't trust, say). */
export async function repositoryOf(directory: string): Promise<Repository | null> {
  const asked = ['--is-inside-work-tree', '--show-toplevel', '--git-common-dir', 'HEAD^{commit}']
  const found = await git(['rev-parse', ...asked], { cwd: directory })
  const [inside, topLevel, commonDir, head = ''] = textOf(found.stdout).split('\n')
  // Without a commit yet, all but the last answer are given before it fails.
  if (!found.ok && !commonDir) {
    if (/not a git repository|must be run in a work tree/.test(found.stderr)) return null
    throw new Error(`git can't read ${directory}: ${firstError(found.stderr)}`)
  }
  if (inside !== 'true' || topLevel === undefined || commonDir === undefined) return null
  return {
    topLevel: await realpath(topLevel),
    commonDir: await realpath(commonDir.startsWith('/') ? commonDir : join(directory, commonDir)),
    head: found.ok ? head : null,
  }
}

/** Whether the repository's HEAD has the directory, so that a worktree would show it. */
export async function isTracked(repository: Repository, directory: string): Promise<boolean> {
  const path = relative(repository.topLevel, directory)
  if (path === '') return repository.head !== null
  if (repository.head === null) return false
  const listed = await gitOutput(['--literal-pathspecs', 'ls-tree', '-d', '-z', repository.head, '--', path], {
    cwd: repository.topLevel,
  })
  return listed.includes(`\t${rawFrom(path)}\0`)
}

/** Git's own directory of one linked work tree, found without trusting anything inside the work tree. */
export async function linkedDirOf(commonDir: string, workTree: string): Promise<string | null> {
  const directory = join(commonDir, 'worktrees')
  for (const name of await entriesOf(directory)) {
    const linked = join(directory, name)
    const pointer = await contentOf(join(linked, 'gitdir'))
    // Relative ones, which newer versions of git can write, count from here.
    if (pointer !== null && resolve(linked, pointer.trim()) === join(workTree, '.git')) return linked
  }
  return null
}

async function entriesOf(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return []
    throw error
  }
}

/** Null when it is gone: another session's work tree may be removed while we look. */
async function contentOf(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return null
    throw error
  }
}
