/** Applying captured work to a source directory, all or nothing. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SwarmError } from '../../runtime/errors.ts'
import { canonicalDirectory } from './containment.ts'
import { firstError, git, type GitOptions } from './git.ts'
import { makePrivateGitDir } from './private-base.ts'
import { repositoryOf } from './repository.ts'

const APPLY = ['apply', '--whitespace=nowarn', '--no-ignore-whitespace']

export async function applyPatch(patch: Uint8Array, sourcePath: string): Promise<void> {
  const source = await canonicalDirectory(sourcePath, 'source')
  if (patch.length === 0) return
  const scratch = await mkdtemp(join(tmpdir(), 'swarmtrail-apply-'))
  try {
    const places = await placesFor(source, join(scratch, 'git'))
    let refusal = ''
    for (const place of places) {
      const checked = await git([...APPLY, '--check'], { ...place, input: patch })
      if (checked.ok) return await write(patch, place, source)
      refusal ||= checked.stderr
    }
    throw conflict(refusal, source)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/**
 * A work tree's patch is in the repository's own form (line endings, filters), a copy's is byte for byte; the patch
 * itself doesn't say which it is, so the one that fits is taken. A directory that is only a part of a repository is
 * never given to that repository: git would skip what lies outside its own idea of the patch without a word.
 */
async function placesFor(source: string, gitDir: string): Promise<GitOptions[]> {
  await makePrivateGitDir(gitDir)
  const exact = { gitDir, workTree: source, cwd: source }
  const repository = await repositoryOf(source)
  return repository?.topLevel === source ? [{ cwd: source }, exact] : [exact]
}

async function write(patch: Uint8Array, place: GitOptions, source: string): Promise<void> {
  const applied = await git(APPLY, { ...place, input: patch })
  if (!applied.ok) throw conflict(applied.stderr, source)
}

function conflict(stderr: string, source: string): SwarmError {
  const reason = firstError(stderr) ?? 'git apply refused it'
  const file = fileIn(reason)
  return new SwarmError('apply_failed', `the work does not apply to ${source}: ${reason}; nothing was changed`, {
    details: { source_path: source, file },
  })
}

/** Git says `patch failed: FILE:LINE` or `FILE: what is wrong`. */
function fileIn(reason: string): string | null {
  return /^patch failed: (.*):\d+$/s.exec(reason)?.[1] ?? /^(.*): [^:]*$/s.exec(reason)?.[1] ?? null
}
