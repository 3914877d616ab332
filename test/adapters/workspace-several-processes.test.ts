import { join } from 'node:path'
import { execa } from 'execa'
import { describe, expect, it } from 'vitest'
import { gitWorkspaces } from '../../src/adapters/workspace/git-workspaces.ts'
import { gitIn, makeRepository, temporaryDirectory } from '../support/repositories.ts'

/** What other runners on this host do to the same repository, as far as git is concerned. */
const OTHERS = `
for n in 1 2 3 4 5 6; do
  git worktree add --quiet --no-track -b "other-$0-$n" "$1/other-$0-$n" HEAD
  rm -rf "$1/other-$0-$n"
  git worktree remove --force "$1/other-$0-$n"
  git branch --quiet -D "other-$0-$n"
done`

describe('workspaces of one repository', () => {
  it('are made and removed while other processes do the same', async () => {
    const base = await temporaryDirectory()
    const sourcePath = await makeRepository(join(base, 'source'), { 'a.txt': 'a\n' })
    const root = join(base, 'root')
    const others = ['A', 'B', 'C'].map((name) =>
      execa('sh', ['-c', OTHERS, name, base], { cwd: sourcePath, reject: false }),
    )
    const workspaces = gitWorkspaces()
    const session = async (sessionId: string) => {
      const request = { sessionId, name: sessionId, root, sourcePath, source: undefined }
      const workspace = await workspaces.create(request)
      expect(await workspaces.changedFiles(workspace)).toEqual([])
      await workspaces.dispose(workspace, 'remove')
      return workspace.branch
    }
    const ids = Array.from({ length: 6 }, (_, index) => `S${index}`)
    expect(await Promise.all(ids.map(session))).toEqual(ids.map((id) => `swarmtrail/${id}`))
    await Promise.all(others)
    expect(await gitIn(sourcePath, 'branch', '--list', 'swarmtrail/*')).toBe('')
    expect(await gitIn(sourcePath, 'worktree', 'list')).not.toContain(root)
  })
})
