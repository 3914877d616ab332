import { readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { describe, expect, it } from 'vitest'
import { localShell } from '../../src/adapters/shell/shell.ts'
import { builtInTools } from '../../src/adapters/tools/built-in-tools.ts'
import { gitWorkspaces } from '../../src/adapters/workspace/git-workspaces.ts'
import type { Workspace } from '../../src/events/parts.ts'
import type { ToolRun } from '../../src/runtime/ports.ts'
import { gitIn, makeRepository, temporaryDirectory, type Tree, writeTree } from '../support/repositories.ts'

const tools = builtInTools({ shell: localShell() })

/** An empty workspace with the tree in it, and a way to use tools there. */
async function bench(tree: Tree) {
  const base = await temporaryDirectory()
  const path = join(base, 'workspace')
  await writeTree(path, tree)
  const workspace: Workspace = { path, root: base, source: 'empty', source_path: base, base_commit: null, branch: null }
  return { base, path, use: user(workspace) }
}

function user(workspace: Workspace) {
  return (name: string, input: unknown, change: Partial<ToolRun> = {}) =>
    tools.run({
      name,
      input,
      workspace,
      env: { PATH: process.env['PATH'] ?? '' },
      secrets: {},
      readLinesMax: 100,
      marker: `marker-${workspace.path}`,
      signal: new AbortController().signal,
      ...change,
    })
}

const fault = (code: string) => ({ ok: false, error: { code, message: expect.any(String) } })

describe('the catalog', () => {
  it('describes every tool with cost, need and a strict schema', () => {
    const shown = tools.descriptions.map(({ name, cost_class, needs }) => [name, cost_class, needs])
    expect(shown).toEqual([
      ['read_file_lines', 'light', null],
      ['list_files', 'light', null],
      ['search_text', 'medium', null],
      ['write_file', 'light', null],
      ['replace_in_file', 'light', null],
      ['git_status', 'light', 'git'],
      ['git_diff', 'medium', 'git'],
      ['run_command', 'heavy', null],
    ])
    for (const { input_schema } of tools.descriptions) {
      expect(input_schema).toMatchObject({ type: 'object', additionalProperties: false })
      expect(JSON.parse(JSON.stringify(input_schema))).toEqual(input_schema)
    }
  })

  it('refuses unknown tools and wrong input, naming every field', async () => {
    const { use } = await bench({})
    expect(await use('rm_rf', {})).toEqual(fault('unknown_tool'))
    expect(await use('write_file', { path: 3, extra: 1 })).toEqual({
      ok: false,
      error: { code: 'invalid_input', message: expect.stringMatching(/path: .*content: .*extra/) },
    })
    expect(await use('read_file_lines', { path: 'a', start_line: 5, end_line: 4 })).toEqual(fault('invalid_input'))
    expect(await use('read_file_lines', null)).toEqual(fault('invalid_input'))
  })

  it('answers at once when the session has ended, or ends meanwhile', async () => {
    const { use } = await bench({ a: 'x' })
    expect(await use('read_file_lines', { path: 'a' }, { signal: AbortSignal.abort() })).toEqual(fault('aborted'))
    const ending = new AbortController()
    const running = use('run_command', { command: 'sleep 60' }, { signal: ending.signal })
    ending.abort()
    expect(await running).toEqual(fault('aborted'))
  })
})

describe('read_file_lines', () => {
  const lines = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}\n`).join('')

  it('returns the lines asked for, within the read budget', async () => {
    const { use } = await bench({ 'f.txt': lines(1, 250), 'no end': 'one\ntwo', empty: '' })
    expect(await use('read_file_lines', { path: 'f.txt', start_line: 3, end_line: 5 })).toEqual({
      ok: true,
      output: { path: 'f.txt', start_line: 3, end_line: 5, total_lines: null, text: lines(3, 5), truncated: false },
    })
    expect(await use('read_file_lines', { path: 'f.txt', start_line: 101, end_line: 250 })).toMatchObject({
      output: { end_line: 200, text: lines(101, 200), truncated: true },
    })
    expect(await use('read_file_lines', { path: 'f.txt', start_line: 240 })).toMatchObject({
      output: { end_line: 250, total_lines: 250, text: lines(240, 250), truncated: false },
    })
    expect(await use('read_file_lines', { path: 'f.txt', start_line: 151 })).toMatchObject({
      output: { end_line: 250, total_lines: 250, truncated: false },
    })
    expect(await use('read_file_lines', { path: 'no end' })).toMatchObject({
      output: { end_line: 2, total_lines: 2, text: 'one\ntwo', truncated: false },
    })
    expect(await use('read_file_lines', { path: 'empty' })).toMatchObject({ output: { total_lines: 0, text: '' } })
    expect(await use('read_file_lines', { path: 'no end', start_line: 9 })).toMatchObject({
      output: { total_lines: 2, text: '', truncated: false },
    })
  })

  it('reads a slice of a huge file, bounds a huge line, and gives up on what lies too far in', async () => {
    const { use, path } = await bench({ 'wide.txt': `${'\u00fc'.repeat(200_000)}\nnext\n` })
    await writeFile(join(path, 'huge.txt'), lines(1, 20))
    await execa('truncate', ['--size=80M', join(path, 'huge.txt')])
    expect(await use('read_file_lines', { path: 'huge.txt', start_line: 7, end_line: 7 })).toEqual(fault('binary_file'))
    await writeFile(join(path, 'huge.txt'), lines(1, 20_000))
    await execa('truncate', ['--size=80M', join(path, 'huge.txt')])
    expect(await use('read_file_lines', { path: 'huge.txt', start_line: 7, end_line: 7 })).toMatchObject({
      output: { text: 'line 7\n', truncated: false },
    })
    expect(await use('read_file_lines', { path: 'huge.txt', start_line: 99_999 })).toEqual(fault('too_large'))
    const wide = await use('read_file_lines', { path: 'wide.txt' })
    expect(wide).toMatchObject({ output: { end_line: 1, truncated: true } })
    expect(wide.ok && JSON.stringify(wide.output).length).toBeLessThan(140_000)
    expect(JSON.stringify(wide)).not.toContain('\ufffd')
  })

  it('tells directories, pipes, binaries and missing files apart', async () => {
    const { use, path } = await bench({ 'd/f': 'x', 'b.bin': new Uint8Array([65, 0, 66]) })
    await execa('mkfifo', [join(path, 'pipe')])
    expect(await use('read_file_lines', { path: 'd' })).toEqual(fault('not_a_file'))
    expect(await use('read_file_lines', { path: 'pipe' })).toEqual(fault('not_a_file'))
    expect(await use('read_file_lines', { path: 'b.bin' })).toEqual(fault('binary_file'))
    expect(await use('read_file_lines', { path: 'none' })).toEqual(fault('not_found'))
    expect(await use('read_file_lines', { path: 'd/f/deeper' })).toEqual(fault('not_found'))
    expect(await use('read_file_lines', { path: 'x'.repeat(5000) })).toEqual(fault('invalid_input'))
  })
})

describe('list_files and search_text', () => {
  const tree: Tree = {
    'a.ts': 'export const a = 1\n',
    'src/b.ts': 'const b = 2\r\nexport const c = 3\r\n',
    'src/deep/d.js': 'no\n',
    'node_modules/p.ts': 'export\n',
    '.git/config': 'export\n',
    'b.bin': new Uint8Array([0, 1, 2]),
    "odd 'name'\n\u00fc": 'export odd\n',
    '-dash': 'x\n',
  }

  it('lists by directory and glob', async () => {
    const { use } = await bench(tree)
    const files = async (input: unknown) => {
      const result = await use('list_files', input)
      return result.ok ? (result.output as { files: string[] }).files : result
    }
    expect(await files({})).toEqual(['-dash', 'a.ts', 'b.bin', "odd 'name'\n\u00fc", 'src/b.ts', 'src/deep/d.js'])
    expect(await files({ path: 'src' })).toEqual(['src/b.ts', 'src/deep/d.js'])
    expect(await files({ glob: '*.ts' })).toEqual(['a.ts', 'src/b.ts'])
    expect(await files({ glob: 'src/**/*.{js,ts}' })).toEqual(['src/b.ts', 'src/deep/d.js'])
    expect(await files({ path: 'a.ts' })).toEqual(['a.ts'])
    expect(await files({ path: 'none' })).toEqual(fault('not_found'))
  })

  it('finds lines with their numbers, up to a limit', async () => {
    const { use } = await bench(tree)
    expect(await use('search_text', { pattern: '^export const \\w' })).toEqual({
      ok: true,
      output: {
        pattern: '^export const \\w',
        matches: [
          { path: 'a.ts', line: 1, text: 'export const a = 1' },
          { path: 'src/b.ts', line: 2, text: 'export const c = 3' },
        ],
        truncated: false,
        skipped: { binary_file: 1 },
      },
    })
    expect(await use('search_text', { pattern: 'export', max_results: 1 })).toMatchObject({
      output: { matches: [{ path: 'a.ts' }], truncated: true },
    })
    expect(await use('search_text', { pattern: 'export', path: 'src' })).toMatchObject({
      output: { matches: [{ path: 'src/b.ts' }], truncated: false },
    })
    expect(await use('search_text', { pattern: 'export', path: 'src/b.ts', max_results: 1 })).toMatchObject({
      output: { truncated: false },
    })
    expect(await use('search_text', { pattern: '(' })).toEqual(fault('invalid_input'))
  })

  it('shows the beginning of a long line, and never half a character', async () => {
    for (const before of ['', 'x']) {
      const { use } = await bench({ 'a.txt': before + '🙂'.repeat(300) })
      const found = await use('search_text', { pattern: '🙂' })
      expect(JSON.stringify(found)).not.toContain('\\ud83d')
      expect(found).toMatchObject({ output: { matches: [{ text: before + '🙂'.repeat(before === '' ? 250 : 249) }] } })
    }
  })

  it('tells how many files were not searched, and why', async () => {
    const big = 'x\n'.repeat(1_048_577)
    const { use, path } = await bench({ 'big.txt': big, 'd/big.txt': big, 'b.bin': new Uint8Array([0]), 'a.txt': 'x' })
    await symlink('nowhere', join(path, 'dangling'))
    const found = { output: { matches: [{ path: 'a.txt' }], truncated: false } }
    const skipped = { too_large: 2, binary_file: 1, not_found: 1 }
    expect(await use('search_text', { pattern: 'x' })).toMatchObject(found)
    expect(await use('search_text', { pattern: 'x' })).toMatchObject({ output: { skipped } })
    expect(await use('search_text', { pattern: 'x', path: 'd' })).toMatchObject({
      output: { skipped: { too_large: 1 } },
    })
    expect(await use('search_text', { pattern: 'x', path: 'a.txt' })).toMatchObject({ output: { skipped: {} } })
  })

  it('is not held up by an expression that takes for ever', async () => {
    const { use } = await bench({ 'a.txt': `${'a'.repeat(64)}!\n`, ['a'.repeat(200)]: '' })
    for (const [name, input] of [
      ['search_text', { pattern: '^(a+)+$' }],
      ['list_files', { glob: `${'*a'.repeat(60)}b` }],
    ] as const) {
      const ending = new AbortController()
      const searching = use(name, input, { signal: ending.signal })
      // The thread of the runner stays free: other tools go on meanwhile.
      expect(await use('read_file_lines', { path: 'a.txt' })).toMatchObject({ ok: true })
      ending.abort()
      expect(await searching).toEqual(fault('aborted'))
    }
  })

  it('bounds what it returns', async () => {
    const { use } = await bench({ 'long.txt': `${'x'.repeat(2000)}\n`.repeat(900) })
    const result = await use('search_text', { pattern: 'x', max_results: 1000 })
    expect(result).toMatchObject({ output: { truncated: true } })
    expect(JSON.stringify(result).length).toBeLessThan(160_000)
  })
})

describe('write_file and replace_in_file', () => {
  it('writes new and existing files, with the directories above and the mode there was', async () => {
    const { use, path } = await bench({ run: { executable: 'old' } })
    expect(await use('write_file', { path: 'new/deep/\u00fc "x".txt', content: 'gr\u00fcn' })).toEqual({
      ok: true,
      output: { path: 'new/deep/\u00fc "x".txt', created: true, bytes: 5 },
    })
    expect(await readFile(join(path, 'new/deep/\u00fc "x".txt'), 'utf8')).toBe('gr\u00fcn')
    expect(await use('write_file', { path: join(path, 'run'), content: 'new' })).toMatchObject({
      output: { path: 'run', created: false },
    })
    expect((await stat(join(path, 'run'))).mode & 0o777).toBe(0o755)
    expect(await use('write_file', { path: 'run/below', content: '' })).toEqual(fault('not_found'))
    expect(await use('write_file', { path: 'new', content: '' })).toEqual(fault('not_a_file'))
    expect(await use('write_file', { path: '.', content: '' })).toEqual(fault('not_a_file'))
    expect(await use('write_file', { path: 'big', content: 'x'.repeat(3_000_000) })).toEqual(fault('too_large'))
    expect(await use('list_files', {})).toMatchObject({ output: { files: ['new/deep/\u00fc "x".txt', 'run'] } })
  })

  it('replaces exactly one occurrence, literally', async () => {
    const { use, path } = await bench({ f: 'one\ntwo two\naaa\r\n', bad: new Uint8Array([255, 65]) })
    expect(await use('replace_in_file', { path: 'f', old_text: 'one', new_text: '$& $1 $$' })).toEqual({
      ok: true,
      output: { path: 'f', line: 1 },
    })
    expect(await readFile(join(path, 'f'), 'utf8')).toBe('$& $1 $$\ntwo two\naaa\r\n')
    expect(await use('replace_in_file', { path: 'f', old_text: 'two', new_text: '' })).toEqual(fault('not_unique'))
    expect(await use('replace_in_file', { path: 'f', old_text: 'aa', new_text: '' })).toEqual(fault('not_unique'))
    expect(await use('replace_in_file', { path: 'f', old_text: 'none', new_text: '' })).toEqual(fault('no_match'))
    expect(await use('replace_in_file', { path: 'f', old_text: '', new_text: '' })).toEqual(fault('invalid_input'))
    expect(await use('replace_in_file', { path: 'bad', old_text: 'A', new_text: 'B' })).toEqual(fault('binary_file'))
    expect(await use('replace_in_file', { path: 'gone', old_text: 'A', new_text: 'B' })).toEqual(fault('not_found'))
  })
})

describe('git_status and git_diff', () => {
  it('show the work tree, literally named paths included', async () => {
    const base = await temporaryDirectory()
    const sourcePath = await makeRepository(join(base, 'source'), { 'a.txt': 'a\n', '[b].txt': 'b\n', 'b.txt': 'b\n' })
    const request = { sessionId: 'S1', name: 'S1', root: join(sourcePath, 'root'), sourcePath, source: undefined }
    const workspace = await gitWorkspaces().create(request)
    const use = user(workspace)
    expect(await use('git_status', {})).toEqual({ ok: true, output: { clean: true, files: [], truncated: false } })
    await writeTree(workspace.path, { 'a.txt': 'aa\n', '[b].txt': 'bb\n', 'b.txt': 'bb\n', 'new \u00fc\n': 'x' })
    expect(await use('git_status', {})).toMatchObject({
      output: {
        clean: false,
        files: [
          { status: ' M', path: '[b].txt' },
          { status: ' M', path: 'a.txt' },
          { status: ' M', path: 'b.txt' },
          { status: '??', path: 'new \u00fc\n' },
        ],
      },
    })
    expect(await use('git_diff', { path: '[b].txt' })).toMatchObject({
      ok: true,
      output: { diff: expect.stringMatching(/^diff --git a\/\[b\].txt[^]*\n-b\n\+bb\n$/), truncated: false },
    })
    expect(await use('git_diff', { path: '../..' })).toEqual(fault('outside_workspace'))
    await writeFile(join(workspace.path, 'a.txt'), 'long line\n'.repeat(50_000))
    expect(await use('git_diff', {})).toMatchObject({ output: { truncated: true } })
    await writeFile(join(workspace.path, 'a.txt'), 'a\n')
    await gitIn(sourcePath, 'worktree', 'prune', '--expire=now')
    expect(await use('git_diff', { path: 'a.txt' })).toMatchObject({ output: { diff: '' } })
  })

  it('know nothing of a repository around a copy', async () => {
    const sourcePath = await makeRepository(await temporaryDirectory(), { 'a.txt': 'a\n' })
    const root = join(sourcePath, 'root')
    const workspace = await gitWorkspaces().create({ sessionId: 'S1', name: 'S1', root, sourcePath, source: 'copy' })
    expect(await user(workspace)('git_status', {})).toEqual(fault('tool_failed'))
    const inPlace = await gitWorkspaces().create({ sessionId: 'S2', name: 'S2', root, sourcePath, source: 'in-place' })
    expect(await user(inPlace)('git_diff', {})).toMatchObject({ output: { diff: '' } })
  })
})

describe('run_command', () => {
  it('runs in the workspace and returns exit code and output, without secrets', async () => {
    const { use, path } = await bench({})
    const secrets = { TOKEN: 'very-secret-value' }
    const result = await use('run_command', { command: 'pwd; echo very-secret-value >&2; exit 3' }, { secrets })
    expect(result).toMatchObject({
      ok: true,
      output: { exit_code: 3, stdout: `${path}\n`, stderr: '[redacted:TOKEN]\n', truncated: false },
    })
    expect(await use('run_command', { command: ' ' })).toEqual(fault('invalid_input'))
    expect(await use('run_command', { command: 'echo so far; sleep 60', timeout_ms: 200 })).toEqual({
      ok: false,
      error: { code: 'timed_out', message: expect.stringContaining('so far') },
    })
  })
})

describe('a workspace that is not what it was', () => {
  it('is refused when it vanished or became a link', async () => {
    const { use, path, base } = await bench({ f: 'x' })
    await execa('mv', [path, join(base, 'moved')])
    expect(await use('read_file_lines', { path: 'f' })).toEqual(fault('not_found'))
    expect(await use('write_file', { path: 'f', content: '' })).toEqual(fault('not_found'))
    await symlink('moved', path)
    expect(await use('read_file_lines', { path: 'f' })).toEqual(fault('outside_workspace'))
    expect(await use('run_command', { command: 'true' })).toEqual(fault('outside_workspace'))
  })
})
