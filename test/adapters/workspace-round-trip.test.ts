import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { gitWorkspaces } from '../../src/adapters/workspace/git-workspaces.ts'
import {
  commitAll,
  makeRepository,
  readTree,
  temporaryDirectory,
  type Tree,
  type TreeEntry,
  writeTree,
} from '../support/repositories.ts'

const workspaces = gitWorkspaces()

/** Few names, so that additions, edits and deletions meet, also a file and a directory of one name. */
const name = fc.constantFrom('a', 'b', 'a b', '-c', '"q"', 'n\nl', '\u00fc', 'x')
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'))
const content = fc.oneof(
  fc.constantFrom('', 'one\n', 'one\ntwo\n', 'no end', 'cr\r\nlf\n'),
  fc.uint8Array({ minLength: 1, maxLength: 20 }),
)
const entry: fc.Arbitrary<TreeEntry> = fc.oneof(
  { weight: 3, arbitrary: content },
  { weight: 1, arbitrary: content.map((executable) => ({ executable })) },
  // None to itself: git does not apply a directory in the place of a link that it can't look behind.
  { weight: 1, arbitrary: fc.constantFrom('elsewhere', '../a', '/nowhere').map((link) => ({ link })) },
)
const tree: fc.Arbitrary<Tree> = fc.dictionary(path, entry, { maxKeys: 8, noNullPrototype: true }).map(withoutClashes)

/** A path can't be below another one's file; the first one counts. */
function withoutClashes(tree: Tree): Tree {
  const kept: Tree = {}
  for (const [path, entry] of Object.entries(tree)) {
    const clashes = Object.keys(kept).some((other) => path.startsWith(`${other}/`) || other.startsWith(`${path}/`))
    if (!clashes) kept[path] = entry
  }
  return kept
}

describe('what was captured', () => {
  it.each(['worktree', 'copy', 'empty'] as const)('makes the source what the %s became', async (source) => {
    const base = await temporaryDirectory()
    let run = 0
    const property = fc.asyncProperty(tree, tree, fc.boolean(), async (before, after, commits) => {
      run += 1
      const here = join(base, String(run))
      const sourcePath = join(here, 'source')
      const beginning = source === 'empty' ? {} : before
      if (source === 'worktree') await makeRepository(sourcePath, { ...beginning, always: 'here\n' })
      else await writeTree(sourcePath, beginning)
      const request = { sessionId: `S${run}`, name: 'w', root: join(here, 'root'), sourcePath, source }
      const workspace = await workspaces.create(request)
      for (const gone of Object.keys(beginning)) {
        await rm(join(workspace.path, gone.split('/')[0] ?? gone), { recursive: true, force: true })
      }
      await writeTree(workspace.path, after)
      if (commits && source === 'worktree') await commitAll(workspace.path, 'work')
      const capture = await workspaces.capture(workspace, join(here, 'out'))
      const file = capture?.patchFile ?? null
      const patch = file === null ? new Uint8Array() : await readFile(file)
      await workspaces.apply({ format: 'patch' }, patch, sourcePath)
      expect(await readTree(sourcePath)).toEqual(await readTree(workspace.path))
    })
    await fc.assert(property, { numRuns: 10 })
  })
})
