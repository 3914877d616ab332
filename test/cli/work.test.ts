import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { buildCli, cliIn, linesOf } from '../support/cli.ts'
import { commitAll, gitIn, makeRepository, temporaryDirectory } from '../support/repositories.ts'

/** A command takes seconds where the machine is busy. */
const TEST_MS_MAX = 120_000

let program: string
beforeAll(async () => {
  program = await buildCli()
})

describe('work that a session leaves behind', { timeout: TEST_MS_MAX }, () => {
  it('is printed by diff, applied by apply, and by git from the printed bytes', async () => {
    const directory = await makeRepository(join(await temporaryDirectory(), 'my repo'), {
      'a.txt': 'one\n',
      'b.txt': 'b\n',
    })
    const cli = cliIn(program, directory)
    const executor = `printf 'one\\ntwo\\n' > a.txt; rm b.txt; printf '\\377\\000\\001' > 'new file.bin'`
    const run = ['run', 'change it', '--session-id', 'S1', '--command', executor, '--protocol', 'exit-code']
    const { code, stdout } = await cli.run(...run)
    expect(code).toBe(0)
    expect(stdout).toContain('3 files changed: swarmtrail diff S1, swarmtrail apply S1')
    const [described] = (await cli.json('diff', 'S1')).values as [{ patch: string; encoding: string; files: unknown[] }]
    expect(described).toMatchObject({
      encoding: 'utf8',
      files: [
        { path: 'a.txt', change: 'modified' },
        { path: 'b.txt', change: 'deleted' },
        { path: 'new file.bin', change: 'added' },
      ],
    })
    const printed = await cli.run('diff', 'S1')
    expect(printed).toEqual({ code: 0, stdout: described.patch, stderr: '' })
    expect((await cli.json('apply', 'S1')).values).toMatchObject([{ session_id: 'S1', applied_to: directory }])
    expect(await readFile(join(directory, 'a.txt'), 'utf8')).toBe('one\ntwo\n')
    expect([...(await readFile(join(directory, 'new file.bin')))]).toEqual([255, 0, 1])
    const elsewhere = await makeRepository(join(await temporaryDirectory(), 'other'), {
      'a.txt': 'one\n',
      'b.txt': 'b\n',
    })
    await writeFile(join(elsewhere, '..', 'work.patch'), printed.stdout)
    await gitIn(elsewhere, 'apply', '../work.patch')
    expect(await gitIn(elsewhere, 'status', '--short')).toBe(' M a.txt\n D b.txt\n?? "new file.bin"')
    await commitAll(directory, 'applied')
    const again = await cli.run('apply', 'S1')
    expect(again.code).toBe(1)
    expect(again.stderr).toMatch(/^error: apply_failed: .*nothing was changed\n$/)
  })

  it('is told apart from none, none yet and nobody', async () => {
    const cli = cliIn(program, await temporaryDirectory())
    await cli.run('run', 'look', '--session-id', 'idle', '--command', 'true', '--protocol', 'exit-code')
    expect(await cli.run('diff', 'idle')).toEqual({ code: 0, stdout: '', stderr: 'nothing changed\n' })
    expect((await cli.run('apply', 'idle')).stdout).toMatch(/^0 files changed in /)
    expect(await cli.run('apply', 'idle', '--to', 'none')).toEqual({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^error: apply_failed: source \/.*\/none is not a directory\n$/),
    })
    await cli.run('start', 'later', '--session-id', 'later')
    expect(await cli.json('diff', 'later')).toMatchObject({
      code: 1,
      values: [{ error: { code: 'nothing_captured' } }],
    })
    for (const args of [
      ['diff', 'nobody'],
      ['apply', 'nobody'],
      ['show', 'nobody'],
      ['logs', 'nobody'],
      ['replay', 'nobody'],
      ['watch', 'nobody'],
    ]) {
      expect(await cli.run(...args)).toEqual({
        code: 5,
        stdout: '',
        stderr: expect.stringMatching(/^error: session_not_found: .*swarmtrail ps lists.*\n$/),
      })
    }
    expect((await cli.run('view', 'registry', 'nobody')).code).toBe(5)
  })
})

describe('the past of a session', { timeout: TEST_MS_MAX }, () => {
  it('is shown, replayed and viewed as of any position', async () => {
    const cli = cliIn(program, await temporaryDirectory())
    const run = await cli.json(
      'run',
      'task',
      '--session-id',
      'S1',
      '--command',
      'echo out; echo err >&2',
      '--protocol',
      'exit-code',
    )
    const events = run.values.slice(0, -1) as { position: number; type: string; time: string }[]
    const started = events.find(({ type }) => type === 'turn.started')?.position ?? 0
    const now = (await cli.json('replay', 'S1')).values
    expect(now).toMatchObject([{ session_id: 'S1', phase: 'closed', position: events.at(-1)?.position, pending: [] }])
    expect(Object.keys(now[0] ?? {})).toEqual(['session_id', 'position', 'time', 'phase', 'state', 'pending'])
    const then = (await cli.json('replay', 'S1', '--at', String(started))).values
    expect(then).toMatchObject([{ phase: 'executing', position: started, pending: [{ type: 'execTurn' }] }])
    const steps = (await cli.json('replay', 'S1', '--step')).values as { position: number }[]
    expect(steps.map(({ position }) => position)).toEqual(events.map(({ position }) => position))
    expect(steps[0]).toMatchObject({ type: 'start.requested', from: 'unstarted', to: 'queued', effects: [] })
    const past = (await cli.json('ps', '--at', String(started))).values
    expect(past).toMatchObject([[{ status: 'running', phase: 'executing', outcome: null }]])
    expect((await cli.json('view', 'registry', 'S1', '--at', String(started))).values).toEqual(past[0])
    expect((await cli.json('show', 'S1')).values).toEqual([(run.values.at(-1) as { result: unknown }).result])
    expect((await cli.run('show', 'S1')).stdout).toMatch(
      /claimed +done in turn 1: out\nverified +no[\s\S]*turn 1: completed/,
    )
    expect((await cli.run('replay', 'S1', '--at', '1999-01-01')).code).toBe(5)
    expect((await cli.run('ps', '--at', 'yesterday-ish')).code).toBe(2)
  })

  it('holds whole outputs, also of an executor that floods', async () => {
    const cli = cliIn(program, await temporaryDirectory())
    const flood = 'seq 1 60000; echo complaint >&2'
    expect(
      (await cli.run('run', 'task', '--session-id', 'S1', '--command', flood, '--protocol', 'exit-code')).code,
    ).toBe(0)
    const whole = await cli.run('logs', 'S1', '--stream', 'stdout')
    expect(whole.stdout).toBe(`${Array.from({ length: 60_000 }, (_, index) => index + 1).join('\n')}\n`)
    expect(whole.stderr).toBe('== turn 1, stdout\n')
    const { values } = await cli.json('logs', 'S1', '--turn', '1', '--stream', 'stderr')
    expect(values).toEqual([{ turn: 1, stream: 'stderr', text: 'complaint\n' }])
    for (const args of [
      ['--turn', '2'],
      ['--turn', '0'],
      ['--turn', '2', '--follow'],
    ])
      expect(await cli.json('logs', 'S1', ...args)).toMatchObject({
        code: 5,
        values: [{ error: { code: 'turn_not_found', details: { session_id: 'S1' } } }],
      })
    expect(linesOf((await cli.run('logs', 'S1', '--follow', '--json')).stdout)).toHaveLength(2)
  })

  it('of a session that there is not is told the same way by every command', async () => {
    const cli = cliIn(program, await temporaryDirectory())
    expect(
      (await cli.run('run', 'task', '--session-id', 'S1', '--command', 'true', '--protocol', 'exit-code')).code,
    ).toBe(0)
    for (const args of [
      ['show', 'none'],
      ['logs', 'none'],
      ['diff', 'none'],
      ['replay', 'none'],
      ['audit', 'none'],
      ['export', 'none'],
      ['verify', 'none'],
      ['stop', 'none'],
      ['wait', 'S1', 'none'],
    ]) {
      const { code, values, stderr } = await cli.json(...args)
      expect({ args, code, values }).toMatchObject({
        code: 5,
        values: [{ error: { code: 'session_not_found', details: { session_id: 'none' } } }],
      })
      expect(stderr).toMatch(/^error: session_not_found: no session "none"; swarmtrail ps lists/)
    }
  })
})
