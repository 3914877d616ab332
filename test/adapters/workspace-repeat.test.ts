import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { list } from 'tar'
import { describe, expect, it } from 'vitest'
import { gitWorkspaces } from '../../src/adapters/workspace/git-workspaces.ts'
import type { WorkspaceSource } from '../../src/events/workflow-config.ts'
import {
  commitAll,
  exists,
  gitIn,
  makeRepository,
  readTree,
  temporaryDirectory,
  writeTree,
} from '../support/repositories.ts'

const workspaces = gitWorkspaces()

async function setting(source: WorkspaceSource = 'worktree') {
  const sourcePath = await makeRepository(await temporaryDirectory(), { 'a.txt': 'alpha\n' })
  const root = join(sourcePath, '.swarmtrail', 'workspaces')
  const request = { sessionId: 'S1', name: 'S1', root, sourcePath, source }
  return { sourcePath, root, request, marker: join(root, '.swarmtrail-meta', 'S1.json') }
}

/** Leaves the workspace as a crash at some point of its making would have. */
async function rewind(marker: string, change: Record<string, unknown>): Promise<void> {
  await writeFile(marker, JSON.stringify({ ...JSON.parse(await readFile(marker, 'utf8')), ...change }))
}

describe('repeating create after a crash', () => {
  it.each(['worktree', 'copy', 'empty'] as const)('makes a half-made %s anew', async (source) => {
    const { root, request, marker, sourcePath } = await setting(source)
    const first = await workspaces.create(request)
    const made = await readTree(first.path)
    await rewind(marker, { state: 'making', base_tree: null })
    await rm(join(first.path, 'a.txt'), { force: true })
    await writeFile(join(first.path, 'half'), 'x')
    expect(await workspaces.create(request)).toEqual(first)
    expect(await readTree(first.path)).toEqual(made)
    expect(await workspaces.changedFiles(first)).toEqual([])
    expect((await readdir(root)).toSorted()).toEqual(['.swarmtrail-meta', 'S1'])
    expect((await gitIn(sourcePath, 'branch', '--list', 'swarmtrail/*')).split('\n')).toHaveLength(1)
  })

  it('returns the finished one as it is', async () => {
    const { request } = await setting()
    const first = await workspaces.create(request)
    await writeFile(join(first.path, 'by-hook'), 'x')
    expect(await workspaces.create(request)).toEqual(first)
    expect(await workspaces.changedFiles(first)).toEqual(['by-hook'])
  })

  it('makes a vanished one again', async () => {
    const { request } = await setting()
    const first = await workspaces.create(request)
    await rm(first.path, { recursive: true })
    expect(await workspaces.create(request)).toEqual(first)
    await workspaces.verify(first)
  })

  it('does not take a directory that appeared between its claim and its making', async () => {
    const { root, request, marker } = await setting()
    const first = await workspaces.create(request)
    await workspaces.dispose(first, 'remove')
    await writeTree(root, { 'S1/theirs': 'x' })
    await writeFile(marker, JSON.stringify({ ...markerOf(first), session_id: 'S1', state: 'claimed' }))
    expect((await workspaces.create(request)).path).toBe(join(root, 'S1-2'))
    expect(await exists(join(root, 'S1/theirs'))).toBe(true)
  })

  it('keeps a branch that moved since, as it may be somebody else’s', async () => {
    const { request, marker, sourcePath } = await setting()
    const first = await workspaces.create(request)
    await writeFile(join(first.path, 'work'), 'x')
    const work = await commitAll(first.path, 'work')
    await rewind(marker, { state: 'making' })
    expect((await workspaces.create(request)).branch).toBe('swarmtrail/S1-2')
    expect(await gitIn(sourcePath, 'rev-parse', 'swarmtrail/S1')).toBe(work)
  })
})

function markerOf(workspace: { path: string; source: string; source_path: string; base_commit: string | null }) {
  const { path, source, source_path, base_commit } = workspace
  return { path, source, source_path, base_commit, branch: null, base_tree: null, archive_path: null }
}

describe('disposing', () => {
  it.each(['worktree', 'copy', 'empty'] as const)('removes a %s and every trace of it, repeatably', async (source) => {
    const { root, request, sourcePath } = await setting(source)
    const workspace = await workspaces.create(request)
    await writeTree(workspace.path, { 'deep/er/file': 'x', out: { link: sourcePath } })
    const removed = { kind: 'removed', path: workspace.path }
    expect(await workspaces.dispose(workspace, 'remove')).toEqual(removed)
    expect(await workspaces.dispose(workspace, 'remove')).toEqual(removed)
    expect(await readdir(root)).toEqual(['.swarmtrail-meta'])
    expect(await readdir(join(root, '.swarmtrail-meta'))).toEqual([])
    expect(await gitIn(sourcePath, 'branch', '--list', 'swarmtrail/*')).toBe('')
    expect(await gitIn(sourcePath, 'worktree', 'list', '--porcelain')).not.toContain(workspace.path)
    expect(await exists(join(sourcePath, 'a.txt'))).toBe(true)
  })

  it('removes what is left of one whose directory vanished, was locked, or lost its .git or its source', async () => {
    const { request, root, sourcePath } = await setting()
    const make = (sessionId: string) => workspaces.create({ ...request, sessionId, name: sessionId })
    const vanished = await make('A')
    await rm(vanished.path, { recursive: true })
    const locked = await make('B')
    await gitIn(sourcePath, 'worktree', 'lock', locked.path)
    const broken = await make('C')
    await rm(join(broken.path, '.git'))
    for (const workspace of [vanished, locked, broken]) {
      expect(await workspaces.dispose(workspace, 'remove')).toEqual({ kind: 'removed', path: workspace.path })
    }
    expect((await gitIn(sourcePath, 'worktree', 'list')).split('\n')).toHaveLength(1)
    expect(await gitIn(sourcePath, 'branch', '--list', 'swarmtrail/*')).toBe('')
    const other = await makeRepository(await temporaryDirectory(), { a: 'a' })
    const orphan = await workspaces.create({ ...request, root, sessionId: 'D', name: 'D', sourcePath: other })
    await rm(other, { recursive: true })
    expect(await workspaces.dispose(orphan, 'remove')).toEqual({ kind: 'removed', path: orphan.path })
    expect(await exists(orphan.path)).toBe(false)
  })

  it('does not touch the workspace that a later session has under the same name', async () => {
    const { request } = await setting()
    const early = await workspaces.create({ ...request, name: 'demo' })
    await workspaces.dispose(early, 'remove')
    const late = await workspaces.create({ ...request, sessionId: 'S2', name: 'demo' })
    expect(late.path).toBe(early.path)
    await workspaces.dispose(early, 'remove')
    await workspaces.verify(late)
  })

  it('leaves a branch that is in use elsewhere', async () => {
    const { request, sourcePath } = await setting()
    const workspace = await workspaces.create(request)
    await gitIn(workspace.path, 'checkout', '--quiet', '--detach')
    await gitIn(sourcePath, 'checkout', '--quiet', 'swarmtrail/S1')
    await workspaces.dispose(workspace, 'remove')
    expect(await gitIn(sourcePath, 'branch', '--show-current')).toBe('swarmtrail/S1')
    await gitIn(sourcePath, 'rev-parse', 'HEAD')
  })

  it('archives, repeatably, and keeps the name taken', async () => {
    const { request, root } = await setting()
    const workspace = await workspaces.create(request)
    await writeTree(workspace.path, { 'new \u00e9.txt': 'x', out: { link: '/nowhere' } })
    await mkdir(join(workspace.path, 'empty'))
    const archivePath = join(root, '.archive', 'S1.tar.gz')
    const archived = { kind: 'archived', path: workspace.path, archivePath }
    expect(await workspaces.dispose(workspace, 'archive')).toEqual(archived)
    expect(await workspaces.dispose(workspace, 'archive')).toEqual(archived)
    expect(await exists(workspace.path)).toBe(false)
    const names: string[] = []
    await list({ file: archivePath, onReadEntry: (entry) => names.push(entry.path) })
    expect(names.toSorted()).toEqual(['./', './a.txt', './empty/', './new \u00e9.txt', './out'])
    expect((await workspaces.create({ ...request, sessionId: 'S2' })).path).toBe(join(root, 'S1-2'))
  })

  it('keeps', async () => {
    const { request } = await setting('copy')
    const workspace = await workspaces.create(request)
    expect(await workspaces.dispose(workspace, 'keep')).toEqual({ kind: 'kept', path: workspace.path })
    await workspaces.verify(workspace)
  })
})
