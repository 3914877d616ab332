import { readdir, readFile, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { describe, expect, it, onTestFinished } from 'vitest'
import { localShell } from '../../src/adapters/shell/shell.ts'
import { builtInTools } from '../../src/adapters/tools/built-in-tools.ts'
import type { Workspace } from '../../src/events/parts.ts'
import { temporaryDirectory, writeTree } from '../support/repositories.ts'

const tools = builtInTools({ shell: localShell() })

async function bench() {
  const base = await temporaryDirectory()
  const path = join(base, 'workspace')
  const outside = join(base, 'workspace-outside')
  await writeTree(path, { 'in/f.txt': 'inside\n', '.git/config': 'private\n' })
  await writeTree(outside, { 'f.txt': 'OUTSIDE\n' })
  const workspace: Workspace = { path, root: base, source: 'empty', source_path: base, base_commit: null, branch: null }
  const use = async (name: string, input: unknown) => {
    const options = { env: {}, secrets: {}, readLinesMax: 100, marker: path, signal: new AbortController().signal }
    const result = await tools.run({ name, input, workspace, ...options })
    return result.ok ? result.output : result.error.code
  }
  return { path, outside, use }
}

/** Makes `in` a directory and a link out of the workspace by turns, as fast as it goes. */
const SWAPPING = `
const { renameSync, rmSync, symlinkSync } = require('node:fs')
for (;;) {
  try {
    renameSync('in', 'aside')
    symlinkSync(process.argv[1], 'in')
  } catch (error) {
    if (error.code !== 'EEXIST' && error.code !== 'ENOENT' && error.code !== 'ENOTEMPTY') throw error
  }
  rmSync('in', { recursive: true, force: true })
  try {
    renameSync('aside', 'in')
  } catch (error) {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'ENOENT') throw error
  }
}`

describe('tools and links', () => {
  it('follow one that stays inside', async () => {
    const { path, use } = await bench()
    await symlink('in', join(path, 'd'))
    await symlink('../in/f.txt', join(path, 'in', 'link'))
    expect(await use('read_file_lines', { path: 'd/f.txt' })).toMatchObject({ text: 'inside\n' })
    expect(await use('read_file_lines', { path: 'in/link' })).toMatchObject({ text: 'inside\n' })
    expect(await use('replace_in_file', { path: 'd/link', old_text: 'inside', new_text: 'changed' })).toMatchObject({
      path: 'd/link',
    })
    expect(await readFile(join(path, 'in/f.txt'), 'utf8')).toBe('changed\n')
    expect(await use('write_file', { path: 'd/new', content: 'x' })).toMatchObject({ path: 'd/new', created: true })
    expect(await readFile(join(path, 'in/new'), 'utf8')).toBe('x')
  })

  it('refuse every way out', async () => {
    const { path, outside, use } = await bench()
    await symlink(outside, join(path, 'out'))
    await symlink('../../workspace-outside/f.txt', join(path, 'in', 'link'))
    await symlink('.git', join(path, 'hidden'))
    const ways = [
      'out/f.txt',
      'in/link',
      '../workspace-outside/f.txt',
      'in/../../workspace-outside/f.txt',
      join(outside, 'f.txt'),
      '/etc/passwd',
      '.git/config',
      'in/.GIT/config',
      'hidden/config',
    ]
    const calls = ways.flatMap((path) => [
      { name: 'write_file', input: { path, content: 'evil' } },
      { name: 'read_file_lines', input: { path } },
      { name: 'replace_in_file', input: { path, old_text: 'O', new_text: 'x' } },
      { name: 'search_text', input: { path, pattern: '.' } },
    ])
    const answered: unknown[] = []
    for (const { name, input } of calls) answered.push({ name, input, answer: await use(name, input) })
    expect(answered).toEqual(calls.map((call) => ({ ...call, answer: 'outside_workspace' })))
    for (const path of ['out/new', 'out/deep/new']) {
      expect(await use('write_file', { path, content: 'evil' })).toBe('outside_workspace')
    }
    expect(await use('list_files', { path: 'out' })).toBe('outside_workspace')
    expect(await use('list_files', { path: '..' })).toBe('outside_workspace')
    expect(await use('search_text', { pattern: 'OUTSIDE' })).toMatchObject({ matches: [] })
    expect(await use('list_files', {})).toMatchObject({ files: ['hidden', 'in/f.txt', 'in/link', 'out'] })
    expect(await readdir(outside)).toEqual(['f.txt'])
    expect(await readFile(join(outside, 'f.txt'), 'utf8')).toBe('OUTSIDE\n')
  })

  it('do not write through one that leads nowhere, or round in circles', async () => {
    const { path, outside, use } = await bench()
    await symlink(join(outside, 'not-yet'), join(path, 'dangling'))
    await symlink('loop', join(path, 'loop'))
    expect(await use('write_file', { path: 'dangling', content: 'x' })).toBe('not_a_file')
    expect(await use('write_file', { path: 'dangling/x', content: 'x' })).toBe('not_found')
    expect(await use('read_file_lines', { path: 'dangling' })).toBe('not_found')
    expect(await use('read_file_lines', { path: 'loop' })).toBe('outside_workspace')
    expect(await use('write_file', { path: 'loop', content: 'x' })).toBe('outside_workspace')
    expect(await readdir(outside)).toEqual(['f.txt'])
  })

  it('are not fooled by a directory that is swapped for a link again and again', async () => {
    const { path, outside, use } = await bench()
    const swapper = execa(process.execPath, ['--eval', SWAPPING, outside], { cwd: path, reject: false })
    onTestFinished(async () => {
      swapper.kill('SIGKILL')
      await swapper
    })
    const seen = new Set<string>()
    const enough = () => seen.has('inside') && seen.has('outside_workspace')
    for (let round = 0; round < 300 || (!enough() && round < 10_000); round += 1) {
      const read = await use('read_file_lines', { path: 'in/f.txt' })
      seen.add(typeof read === 'string' ? read : (read as { text: string }).text.trim())
      const found = await use('search_text', { path: 'in', pattern: 'OUT' })
      expect(typeof found === 'string' ? [] : (found as { matches: unknown[] }).matches).toEqual([])
      await use('write_file', { path: 'in/w.txt', content: 'written' })
    }
    expect(enough()).toBe(true)
    expect(seen).not.toContain('OUTSIDE')
    expect(await readdir(outside)).toEqual(['f.txt'])
  })
})
