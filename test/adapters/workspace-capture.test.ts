import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { describe, expect, it } from 'vitest'
import { gitWorkspaces } from '../../src/adapters/workspace/git-workspaces.ts'
import type { Workspace } from '../../src/events/parts.ts'
import type { WorkspaceSource } from '../../src/events/workflow-config.ts'
import {
  commitAll,
  gitIn,
  makeRepository,
  readTree,
  temporaryDirectory,
  type Tree,
  writeTree,
} from '../support/repositories.ts'

const workspaces = gitWorkspaces()
const binary = new Uint8Array([0, 255, 1, 254, 13, 10])
const start: Tree = {
  'a.txt': 'alpha\n',
  'b.bin': binary,
  'dir/c.txt': 'gamma\n',
  'tool.sh': '#!/bin/sh\n',
  '.gitignore': 'ignored/\n*.log\n',
}

async function setting(source: WorkspaceSource = 'worktree', tree: Tree = start) {
  const base = await temporaryDirectory()
  const sourcePath = await makeRepository(join(base, 'source'), tree)
  const workspace = await workspaces.create({
    sessionId: 'S1',
    name: 'S1',
    root: join(base, 'root'),
    sourcePath,
    source,
  })
  return { workspace, sourcePath, out: join(base, 'out') }
}

async function captured(workspace: Workspace, out: string) {
  const capture = await workspaces.capture(workspace, out)
  if (capture === null) throw new Error('nothing was captured')
  const patch = capture.patchFile === null ? new Uint8Array() : await readFile(capture.patchFile)
  return { ...capture, patch, paths: capture.files.map((file) => file.path) }
}

/** What the source holds once the captured work is applied to it. */
async function sourceAfterwards(workspace: Workspace, sourcePath: string, out: string) {
  const { format, patch } = await captured(workspace, out)
  await workspaces.apply({ format }, patch, sourcePath)
  return treeOf(sourcePath)
}

async function treeOf(directory: string) {
  return readTree(directory, ['ignored', 'node_modules', 'run.log'])
}

describe('capturing', () => {
  it.each(['worktree', 'copy'] as const)('lists and applies every kind of change of a %s', async (source) => {
    const { workspace, sourcePath, out } = await setting(source)
    await writeTree(workspace.path, {
      'a.txt': 'changed\n',
      'b.bin': new Uint8Array([1, 2, 0, 3]),
      empty: '',
      'tool.sh': { executable: '#!/bin/sh\n' },
      'new/bin': { executable: binary },
      'dangling link': { link: '/nowhere/at/all' },
      'odd "q"\n\ttab \u00fc': 'odd\n',
      '-dash': 'x',
      'ignored/out': 'x',
      'run.log': 'x',
      'node_modules/p.js': source === 'copy' ? 'x' : { link: '/nowhere' },
    })
    if (source === 'worktree') await rm(join(workspace.path, 'node_modules'), { recursive: true })
    await rm(join(workspace.path, 'dir'), { recursive: true })
    await symlink('a.txt', join(workspace.path, 'dir'))
    const capture = await captured(workspace, out)
    expect(capture.files.toSorted((one, other) => (one.path < other.path ? -1 : 1))).toEqual([
      { path: '-dash', change: 'added' },
      { path: 'a.txt', change: 'modified' },
      { path: 'b.bin', change: 'modified' },
      { path: 'dangling link', change: 'added' },
      { path: 'dir', change: 'added' },
      { path: 'dir/c.txt', change: 'deleted' },
      { path: 'empty', change: 'added' },
      { path: 'new/bin', change: 'added' },
      { path: 'odd "q"\n\ttab \u00fc', change: 'added' },
      { path: 'tool.sh', change: 'modified' },
    ])
    expect(await workspaces.changedFiles(workspace)).toEqual(capture.paths.toSorted())
    expect(await workspaces.isClean(workspace)).toBe(false)
    expect(await sourceAfterwards(workspace, sourcePath, out)).toEqual(await treeOf(workspace.path))
  })

  it('has no patch when nothing changed', async () => {
    for (const source of ['worktree', 'copy', 'empty'] as const) {
      const { workspace, sourcePath, out } = await setting(source)
      expect(await captured(workspace, out)).toMatchObject({
        files: [],
        patchFile: null,
        base_commit: workspace.base_commit,
      })
      expect(await workspaces.isClean(workspace)).toBe(true)
      await workspaces.apply({ format: 'patch' }, new Uint8Array(), sourcePath)
    }
  })

  it('holds what was committed, staged and left in the work tree, and touches no index and no object store', async () => {
    const { workspace, sourcePath, out } = await setting()
    await writeFile(join(workspace.path, 'committed'), 'x\n')
    await writeFile(join(workspace.path, 'kept.log'), 'ignored, yet committed\n')
    await gitIn(workspace.path, 'add', '--force', 'kept.log')
    const head = await commitAll(workspace.path, 'work')
    await writeFile(join(workspace.path, 'staged.log'), 'ignored, yet staged\n')
    await gitIn(workspace.path, 'add', '--force', 'staged.log')
    await writeFile(join(workspace.path, 'loose'), 'x\n')
    const before = await gitIn(workspace.path, 'status', '--porcelain')
    const objects = await gitIn(sourcePath, 'count-objects')
    const capture = await captured(workspace, out)
    expect(capture).toMatchObject({ head_commit: head, paths: ['committed', 'kept.log', 'loose', 'staged.log'] })
    expect(await gitIn(workspace.path, 'status', '--porcelain')).toBe(before)
    expect(await gitIn(sourcePath, 'count-objects')).toBe(objects)
    expect(await sourceAfterwards(workspace, sourcePath, out)).toEqual(await treeOf(workspace.path))
  })

  it('keeps the bytes of a copy whatever its attributes say', async () => {
    const tree = { '.gitattributes': '* text=auto eol=crlf\n*.x filter=no\n', 'w.txt': 'one\r\ntwo\nthree\r\n' }
    const { workspace, sourcePath, out } = await setting('copy', tree)
    await writeFile(join(workspace.path, 'w.txt'), 'one\r\ntwo\nfour\r\n')
    await writeFile(join(workspace.path, 'new.txt'), 'new\r\n')
    expect(await sourceAfterwards(workspace, sourcePath, out)).toEqual(await treeOf(workspace.path))
  })

  it('keeps line endings that the repository converts', async () => {
    const tree = { '.gitattributes': '*.txt text eol=crlf\n', 'w.txt': 'one\r\ntwo\r\n' }
    const { workspace, sourcePath, out } = await setting('worktree', tree)
    await writeFile(join(workspace.path, 'w.txt'), 'one\r\nthree\r\n')
    expect(await sourceAfterwards(workspace, sourcePath, out)).toEqual(await treeOf(workspace.path))
  })
})

describe('capturing after odd things', () => {
  const odd: Record<string, (workspace: Workspace) => Promise<unknown>> = {
    'a detached head': ({ path }) => gitIn(path, 'checkout', '--quiet', '--detach'),
    'another branch': ({ path }) => gitIn(path, 'checkout', '--quiet', '-b', 'elsewhere'),
    'history made anew': async ({ path }) => {
      await gitIn(path, 'checkout', '--quiet', '--orphan', 'fresh')
      await commitAll(path, 'unrelated')
    },
    'a deleted .git': ({ path }) => rm(join(path, '.git')),
    'a .git that leads elsewhere': ({ path }) => writeFile(join(path, '.git'), 'gitdir: /nowhere\n'),
    'a repository of its own': async ({ path }) => {
      await rm(join(path, '.git'))
      await gitIn(path, 'init', '--quiet')
      await commitAll(path, 'mine')
    },
    'a forgotten work tree': async ({ path, source_path }) => {
      await rm(join(path, '.git'))
      await gitIn(source_path, 'worktree', 'prune', '--expire=now')
    },
    'a broken index': async ({ path }) => writeFile(await gitIn(path, 'rev-parse', '--git-path', 'index'), 'broken'),
    'hidden changes': ({ path }) => gitIn(path, 'update-index', '--assume-unchanged', 'a.txt', 'b.bin'),
    'a lock left behind': async ({ path }) => writeFile(await gitIn(path, 'rev-parse', '--git-path', 'index.lock'), ''),
  }

  it.each(Object.keys(odd))('finds the work in spite of %s', async (name) => {
    const { workspace, sourcePath, out } = await setting()
    await odd[name]?.(workspace)
    await writeFile(join(workspace.path, 'a.txt'), 'changed\n')
    await writeFile(join(workspace.path, 'new'), 'x\n')
    expect((await captured(workspace, out)).paths).toEqual(['a.txt', 'new'])
    expect(await sourceAfterwards(workspace, sourcePath, out)).toEqual(await treeOf(workspace.path))
  })

  it.each(['worktree', 'copy'] as const)('includes the files of repositories inside a %s', async (source) => {
    const { workspace, sourcePath, out } = await setting(source)
    await makeRepository(join(workspace.path, 'nested'), {
      'in.txt': 'x\n',
      'deep/in.txt': 'y\n',
      '.gitignore': 'skip\n',
    })
    await writeFile(join(workspace.path, 'nested/skip'), 'x')
    await makeRepository(join(workspace.path, 'unborn'), {})
    await writeFile(join(workspace.path, 'unborn/file'), 'z\n')
    await gitIn(join(workspace.path, 'dir'), 'init', '--quiet')
    await writeFile(join(workspace.path, 'dir/more'), 'w\n')
    const { paths } = await captured(workspace, out)
    expect(paths).toEqual(['dir/more', 'nested/.gitignore', 'nested/deep/in.txt', 'nested/in.txt', 'unborn/file'])
    await rm(join(workspace.path, 'nested/skip'))
    expect(await sourceAfterwards(workspace, sourcePath, out)).toEqual(await treeOf(workspace.path))
  })

  it('is not stopped by pipes, and takes a file that became one for deleted', async () => {
    const { workspace, out } = await setting()
    await rm(join(workspace.path, 'a.txt'))
    await execa('mkfifo', ['pipe', 'a.txt'], { cwd: workspace.path })
    expect((await captured(workspace, out)).files).toEqual([{ path: 'a.txt', change: 'deleted' }])
  })

  it('follows a file that became a directory, and a directory that became a file', async () => {
    for (const source of ['worktree', 'copy'] as const) {
      const { workspace, sourcePath, out } = await setting(source)
      await rm(join(workspace.path, 'a.txt'))
      await writeTree(workspace.path, { 'a.txt/inner': 'x\n', dir: 'now a file\n' })
      expect(await sourceAfterwards(workspace, sourcePath, out)).toEqual(await treeOf(workspace.path))
    }
  })

  it('follows a directory that became a link to itself', async () => {
    for (const source of ['worktree', 'copy'] as const) {
      const { workspace, sourcePath, out } = await setting(source)
      await writeTree(workspace.path, { dir: { link: 'dir' } })
      expect(await sourceAfterwards(workspace, sourcePath, out)).toEqual(await treeOf(workspace.path))
    }
  })

  it('captures a moved submodule, and an ordinary change beside it', async () => {
    const base = await temporaryDirectory()
    const library = await makeRepository(join(base, 'library'), { 'l.txt': 'l\n' })
    const sourcePath = await makeRepository(join(base, 'source'), { 'a.txt': 'a\n' })
    await gitIn(sourcePath, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', library, 'lib')
    await commitAll(sourcePath, 'submodule')
    const workspace = await workspaces.create({
      sessionId: 'S1',
      name: 'S1',
      root: join(base, 'root'),
      sourcePath,
      source: undefined,
    })
    expect(await workspaces.changedFiles(workspace)).toEqual([])
    await gitIn(workspace.path, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'update', '--init')
    await writeFile(join(workspace.path, 'a.txt'), 'b\n')
    expect(await workspaces.changedFiles(workspace)).toEqual(['a.txt'])
    await writeFile(join(workspace.path, 'lib/new.txt'), 'x\n')
    await commitAll(join(workspace.path, 'lib'), 'in the submodule')
    expect((await captured(workspace, join(base, 'out'))).paths).toEqual(['a.txt', 'lib'])
    await workspaces.dispose(workspace, 'remove')
    expect(await readdir(join(base, 'root'))).toEqual(['.swarmtrail-meta'])
  })

  it('fails when the workspace is gone, or what it began with', async () => {
    const { workspace, out } = await setting()
    const copy = await setting('copy')
    await rm(workspace.path, { recursive: true })
    const failed = { code: 'capture_failed' }
    await expect(workspaces.capture(workspace, out)).rejects.toMatchObject(failed)
    await expect(workspaces.changedFiles(workspace)).rejects.toMatchObject(failed)
    await rm(join(copy.workspace.root, '.swarmtrail-meta'), { recursive: true })
    await expect(workspaces.capture(copy.workspace, out)).rejects.toMatchObject(failed)
  })
})

describe('applying', () => {
  it('changes nothing when one file conflicts, and names it', async () => {
    for (const source of ['worktree', 'copy'] as const) {
      const { workspace, sourcePath, out } = await setting(source)
      await writeTree(workspace.path, { 'a.txt': 'changed\n', 'dir/c.txt': 'changed\n', new: 'x\n' })
      const { patch, format } = await captured(workspace, out)
      await writeFile(join(sourcePath, 'dir/c.txt'), 'something else\n')
      const before = await readTree(sourcePath)
      await expect(workspaces.apply({ format }, patch, sourcePath)).rejects.toMatchObject({
        code: 'apply_failed',
        message: expect.stringContaining('dir/c.txt'),
        details: { file: 'dir/c.txt' },
      })
      expect(await readTree(sourcePath)).toEqual(before)
    }
  })

  it('names a file that is there already, and one that is missing', async () => {
    const { workspace, sourcePath, out } = await setting()
    await writeFile(join(workspace.path, 'new'), 'x\n')
    const { patch } = await captured(workspace, out)
    await writeFile(join(sourcePath, 'new'), 'theirs\n')
    await expect(workspaces.apply({ format: 'patch' }, patch, sourcePath)).rejects.toMatchObject({
      details: { file: 'new' },
    })
    await rm(join(sourcePath, 'new'))
    await mkdir(join(workspace.path, 'dir'), { recursive: true })
    await rm(join(workspace.path, 'new'))
    await writeFile(join(workspace.path, 'dir/c.txt'), 'changed\n')
    const second = await captured(workspace, out)
    await rm(join(sourcePath, 'dir/c.txt'))
    await expect(workspaces.apply({ format: 'patch' }, second.patch, sourcePath)).rejects.toMatchObject({
      details: { file: 'dir/c.txt' },
    })
  })

  it('works in a plain directory inside a repository, which would else skip it without a word', async () => {
    const outer = await makeRepository(await temporaryDirectory(), { 'a.txt': 'of the repository\n' })
    const sourcePath = join(outer, 'plain')
    await writeTree(sourcePath, { 'a.txt': 'alpha\n', 'run.sh': { executable: '#!/bin/sh\n' } })
    const root = join(outer, 'root')
    const workspace = await workspaces.create({ sessionId: 'S1', name: 'S1', root, sourcePath, source: 'copy' })
    await writeFile(join(workspace.path, 'a.txt'), 'beta\n')
    await chmod(join(workspace.path, 'run.sh'), 0o644)
    expect(await sourceAfterwards(workspace, sourcePath, join(outer, 'out'))).toEqual(await treeOf(workspace.path))
    expect(await readFile(join(outer, 'a.txt'), 'utf8')).toBe('of the repository\n')
    expect((await stat(join(sourcePath, 'run.sh'))).mode & 0o111).toBe(0)
  })

  it('does not write outside the source', async () => {
    const { sourcePath } = await setting('copy')
    const outside = await temporaryDirectory()
    await symlink(outside, join(sourcePath, 'out'))
    const patchOf = (path: string) =>
      Buffer.from(
        `diff --git a/${path} b/${path}\nnew file mode 100644\n--- /dev/null\n+++ b/${path}\n@@ -0,0 +1 @@\n+x\n`,
      )
    for (const path of ['../evil', 'out/evil', '.git/hooks/evil', '/tmp/evil']) {
      const refused = workspaces.apply({ format: 'patch' }, patchOf(path), sourcePath)
      await expect(refused).rejects.toMatchObject({ code: 'apply_failed' })
    }
    expect(await readdir(outside)).toEqual([])
  })
})
