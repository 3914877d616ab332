import { mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { gitWorkspaces } from '../../src/adapters/workspace/git-workspaces.ts'
import type { CreateWorkspace } from '../../src/runtime/ports.ts'
import { exists, gitIn, makeRepository, readTree, temporaryDirectory, writeTree } from '../support/repositories.ts'

const workspaces = gitWorkspaces()
const files = {
  'a.txt': 'alpha\n',
  'src/b.txt': 'beta\n',
  'bin/tool': { executable: '#!/bin/sh\n' },
  link: { link: 'a.txt' },
}

function request(sourcePath: string, root: string, change: Partial<CreateWorkspace> = {}): CreateWorkspace {
  const sessionId = change.sessionId ?? 'S1'
  return { sessionId, name: sessionId, root, sourcePath, source: undefined, ...change }
}

/** A repository with its root inside, as it is by default. */
async function repositoryWithRoot() {
  const source = await makeRepository(await temporaryDirectory(), files)
  return { source, root: join(source, '.swarmtrail', 'workspaces') }
}

describe('creating a worktree', () => {
  it('is the usual source in a repository with a commit', async () => {
    const { source, root } = await repositoryWithRoot()
    const workspace = await workspaces.create(request(source, root))
    const head = await gitIn(source, 'rev-parse', 'HEAD')
    expect(workspace).toEqual({
      session_id: 'S1',
      path: join(root, 'S1'),
      root,
      source: 'worktree',
      source_path: source,
      base_commit: head,
      branch: 'swarmtrail/S1',
    })
    expect(await gitIn(workspace.path, 'branch', '--show-current')).toBe('swarmtrail/S1')
    expect(await readTree(workspace.path)).toEqual(await readTree(source, ['.swarmtrail']))
    expect(await workspaces.isClean(workspace)).toBe(true)
  })

  it('takes the whole repository when the source is a part of it', async () => {
    const { source, root } = await repositoryWithRoot()
    const workspace = await workspaces.create(request(join(source, 'src'), root))
    expect(workspace.source_path).toBe(source)
    expect(await exists(join(workspace.path, 'src/b.txt'))).toBe(true)
  })

  it('copies a directory that the repository around it does not have', async () => {
    const { source, root } = await repositoryWithRoot()
    await writeTree(join(source, 'loose'), { 'x.txt': 'x' })
    const workspace = await workspaces.create(request(join(source, 'loose'), root))
    expect(workspace.source).toBe('copy')
    expect(Object.keys(await readTree(workspace.path))).toEqual(['x.txt'])
  })

  it('gives a new name to the branch when there is one already, and leaves that one alone', async () => {
    const { source, root } = await repositoryWithRoot()
    await gitIn(source, 'branch', 'swarmtrail/S1')
    await gitIn(source, 'branch', 'swarmtrail/S1-2')
    await writeFile(join(source, 'a.txt'), 'later\n')
    await gitIn(source, 'commit', '--quiet', '--all', '--message', 'later')
    const before = await gitIn(source, 'rev-parse', 'swarmtrail/S1', 'swarmtrail/S1-2')
    const workspace = await workspaces.create(request(source, root))
    expect(workspace.branch).toBe('swarmtrail/S1-3')
    await workspaces.dispose(workspace, 'remove')
    expect(await gitIn(source, 'rev-parse', 'swarmtrail/S1', 'swarmtrail/S1-2')).toBe(before)
    expect(await gitIn(source, 'branch', '--list', 'swarmtrail/S1-3')).toBe('')
  })

  it('works for eight sessions at once', async () => {
    const { source, root } = await repositoryWithRoot()
    const ids = Array.from({ length: 8 }, (_, index) => `S${index}`)
    const made = await Promise.all(ids.map((sessionId) => gitWorkspaces().create(request(source, root, { sessionId }))))
    expect(made.map((workspace) => workspace.branch)).toEqual(ids.map((id) => `swarmtrail/${id}`))
    for (const workspace of made) expect(await workspaces.changedFiles(workspace)).toEqual([])
    await Promise.all(made.map((workspace) => workspaces.dispose(workspace, 'remove')))
    expect((await gitIn(source, 'worktree', 'list')).split('\n')).toHaveLength(1)
    expect(await gitIn(source, 'branch', '--format=%(refname:short)')).toBe('main')
  })

  it('says clearly why it can not', async () => {
    const empty = await makeRepository(await temporaryDirectory(), {})
    const plain = await temporaryDirectory()
    const root = await temporaryDirectory()
    const worktree = { source: 'worktree' as const }
    await expect(workspaces.create(request(empty, root, worktree))).rejects.toMatchObject({
      code: 'workspace_failed',
      message: expect.stringContaining('has no commit yet'),
    })
    await expect(workspaces.create(request(plain, root, worktree))).rejects.toMatchObject({ code: 'workspace_failed' })
    expect(await readdir(root)).toEqual([])
  })

  it('clears up after git failed half-way', async () => {
    const { source, root } = await repositoryWithRoot()
    await gitIn(source, 'branch', 'swarmtrail')
    await expect(workspaces.create(request(source, root))).rejects.toMatchObject({ code: 'workspace_failed' })
    expect(await exists(join(root, 'S1'))).toBe(false)
    await gitIn(source, 'branch', '-D', 'swarmtrail')
    expect((await workspaces.create(request(source, root))).branch).toBe('swarmtrail/S1')
  })

  it('runs no hook of the repository', async () => {
    const { source, root } = await repositoryWithRoot()
    await writeTree(source, { '.git/hooks/post-checkout': { executable: '#!/bin/sh\ntouch "$PWD/hook-ran"\n' } })
    const workspace = await workspaces.create(request(source, root))
    expect(await exists(join(workspace.path, 'hook-ran'))).toBe(false)
  })
})

describe('creating other sources', () => {
  it('copies without repositories, packages, our data and the root', async () => {
    const source = await temporaryDirectory()
    const root = join(source, 'work')
    await writeTree(source, {
      ...files,
      '.git/config': 'x',
      'node_modules/p/index.js': 'x',
      'lib/node_modules/p.js': 'x',
      '.swarmtrail/server.json': 'x',
      'work/other/file': 'x',
      dangling: { link: '/nowhere/at/all' },
      'odd "name"\n\u00e9': 'x',
      '-dash': 'x',
    })
    const workspace = await workspaces.create(request(source, root, { source: 'copy' }))
    expect(await readTree(workspace.path)).toEqual(await readTree(source, ['node_modules', '.swarmtrail', 'work']))
    expect(await readdir(join(workspace.path, 'lib'))).toEqual([])
    expect(workspace).toMatchObject({ source: 'copy', base_commit: null, branch: null, source_path: source })
  })

  it('is a copy where there is no repository, also with the source inside the root', async () => {
    const root = await temporaryDirectory()
    const source = join(root, 'project')
    await writeTree(source, { 'a.txt': 'a' })
    const workspace = await workspaces.create(request(source, root))
    expect(workspace.source).toBe('copy')
    expect(await workspaces.changedFiles(workspace)).toEqual([])
  })

  it('makes an empty one, and in place none at all', async () => {
    const { source, root } = await repositoryWithRoot()
    const empty = await workspaces.create(request(source, root, { source: 'empty' }))
    expect(await readdir(empty.path)).toEqual([])
    const inPlace = await workspaces.create(request(source, root, { source: 'in-place' }))
    expect(inPlace).toMatchObject({ path: source, root: source, source: 'in-place' })
    await workspaces.verify(inPlace)
    expect(await workspaces.capture(inPlace, source)).toBeNull()
    expect(await workspaces.dispose(inPlace, 'remove')).toEqual({ kind: 'kept', path: source })
    await writeFile(join(source, 'src/new.txt'), 'x')
    expect(await workspaces.isClean(inPlace)).toBe(false)
    expect(await workspaces.changedFiles({ ...inPlace, path: join(source, 'src') })).toEqual(['new.txt'])
  })
})

describe('an empty workspace', () => {
  it('that stays empty needs no git at all', async () => {
    const { source, root } = await repositoryWithRoot()
    vi.stubEnv('PATH', root)
    onTestFinished(() => void vi.unstubAllEnvs())
    const workspace = await workspaces.create(request(source, root, { source: 'empty' }))
    expect(await workspaces.create(request(source, root, { source: 'empty' }))).toEqual(workspace)
    expect(await workspaces.changedFiles(workspace)).toEqual([])
    expect(await workspaces.isClean(workspace)).toBe(true)
    expect(await workspaces.capture(workspace, join(root, 'out'))).toMatchObject({ files: [], patchFile: null })
    expect(await workspaces.dispose(workspace, 'remove')).toEqual({ kind: 'removed', path: workspace.path })
  })

  it('captures what was made in it, and what was made again after a crash', async () => {
    const { source, root } = await repositoryWithRoot()
    const workspace = await workspaces.create(request(source, root, { source: 'empty' }))
    await writeTree(workspace.path, { 'new/file': 'x', 'node_modules/p.js': 'x', '.git/HEAD': 'odd' })
    expect(await workspaces.changedFiles(workspace)).toEqual(['new/file'])
    expect(await workspaces.create(request(source, root, { source: 'empty' }))).toEqual(workspace)
    const capture = await workspaces.capture(workspace, join(root, 'out'))
    expect(capture).toMatchObject({ base_commit: null, files: [{ path: 'new/file', change: 'added' }] })
  })
})

describe('names and places', () => {
  it('refuses names that are no name of a directory', async () => {
    const { source, root } = await repositoryWithRoot()
    for (const name of ['.', '..', '', 'a/b', '../out', '.swarmtrail-meta', '.archive']) {
      await expect(workspaces.create(request(source, root, { name }))).rejects.toMatchObject({
        code: 'workspace_failed',
      })
    }
    await expect(workspaces.create(request(source, source, { source: 'copy' }))).rejects.toThrow('is the source itself')
  })

  it('works with odd names and a root behind a link', async () => {
    const base = await temporaryDirectory()
    const source = await makeRepository(join(base, "it's a [repo]: \u00fc"), files)
    await mkdir(join(base, 'real root'))
    await symlink('real root', join(base, 'root'))
    const workspace = await workspaces.create(request(source, join(base, 'root'), { name: "-n 'x' \u00fc" }))
    expect(workspace.root).toBe(join(base, 'real root'))
    await workspaces.verify(workspace)
    await writeFile(join(workspace.path, 'new'), 'x')
    expect(await workspaces.changedFiles(workspace)).toEqual(['new'])
    expect(await workspaces.dispose(workspace, 'remove')).toEqual({ kind: 'removed', path: workspace.path })
    expect(await exists(workspace.path)).toBe(false)
  })

  it('leaves a stranger under its name alone, be it a directory, a file or a link', async () => {
    const { source, root } = await repositoryWithRoot()
    await writeTree(root, { 'S1/theirs': 'x', 'S1-2': 'a file', 'S1-3': { link: source } })
    const workspace = await workspaces.create(request(source, root))
    expect(workspace.path).toBe(join(root, 'S1-4'))
    expect(await exists(join(root, 'S1/theirs'))).toBe(true)
    expect(await workspaces.create(request(source, root))).toEqual(workspace)
    for (const name of ['S1', 'S1-2', 'S1-3']) {
      const other = { ...workspace, path: join(root, name) }
      await expect(workspaces.dispose(other, 'remove')).rejects.toMatchObject({ code: 'cleanup_failed' })
      expect(await exists(other.path)).toBe(true)
    }
  })

  it('gives two sessions with one name two directories', async () => {
    const { source, root } = await repositoryWithRoot()
    const one = await workspaces.create(request(source, root, { sessionId: 'A', name: 'demo' }))
    const two = await workspaces.create(request(source, root, { sessionId: 'B', name: 'demo' }))
    expect([one.path, two.path]).toEqual([join(root, 'demo'), join(root, 'demo-2')])
  })

  it('verifies that the directory is there, real, and right inside its root', async () => {
    const { source, root } = await repositoryWithRoot()
    const workspace = await workspaces.create(request(source, root))
    const outside = await temporaryDirectory()
    const refused = { code: 'workspace_failed' }
    await expect(workspaces.verify({ ...workspace, path: outside })).rejects.toMatchObject(refused)
    await expect(workspaces.verify({ ...workspace, path: root })).rejects.toMatchObject(refused)
    await expect(workspaces.verify({ ...workspace, path: join(root, 'S1', 'src') })).rejects.toMatchObject(refused)
    await expect(workspaces.dispose({ ...workspace, path: outside }, 'remove')).rejects.toMatchObject({
      code: 'cleanup_failed',
    })
    await rm(workspace.path, { recursive: true })
    await expect(workspaces.verify(workspace)).rejects.toThrow('is gone')
    await symlink(outside, workspace.path)
    await expect(workspaces.verify(workspace)).rejects.toThrow('symbolic link')
    await expect(workspaces.capture(workspace, outside)).rejects.toMatchObject({ code: 'capture_failed' })
    await expect(workspaces.dispose(workspace, 'remove')).rejects.toMatchObject({ code: 'cleanup_failed' })
    expect(await exists(outside)).toBe(true)
  })
})
