import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { localShell } from '../../src/adapters/shell/shell.ts'
import { judge } from '../../src/adapters/shell/watchdog.ts'
import { shellRun, temporaryDirectory } from '../support/processes.ts'

const shell = localShell()
const temporary = temporaryDirectory()
afterAll(temporary.remove)

describe('judge', () => {
  const limits = { timeoutMs: 1_000, stallWindowMs: 100 }

  it('takes silence longer than the window for a stall, but not equal silence', () => {
    expect(judge(500, 100, limits)).toEqual({ kind: 'fine', lookAgainInMs: 1 })
    expect(judge(500, 100.001, limits)).toEqual({ kind: 'stalled' })
  })

  it('ends a process when its budget is used up', () => {
    expect(judge(999.5, 0, limits)).toEqual({ kind: 'fine', lookAgainInMs: 1 })
    expect(judge(1_000, 0, limits)).toEqual({ kind: 'timed_out' })
  })

  it('looks again when the nearer of the two limits can be passed', () => {
    expect(judge(0, 0, limits)).toEqual({ kind: 'fine', lookAgainInMs: 101 })
    expect(judge(950, 0, limits)).toEqual({ kind: 'fine', lookAgainInMs: 51 })
  })

  it('knows no stall when the window is zero or less', () => {
    expect(judge(900, 900, { timeoutMs: 1_000, stallWindowMs: 0 })).toEqual({ kind: 'fine', lookAgainInMs: 101 })
    expect(judge(900, 900, { timeoutMs: 1_000, stallWindowMs: -1 })).toEqual({ kind: 'fine', lookAgainInMs: 101 })
  })

  it('never sets a timer longer than timers can be', () => {
    expect(judge(0, 0, { timeoutMs: 2 ** 40, stallWindowMs: 0 })).toEqual({ kind: 'fine', lookAgainInMs: 2 ** 31 - 1 })
  })
})

describe('a silent process', () => {
  it('is stalled when its last output is too long ago', async () => {
    const result = await shell.run(shellRun('echo hi; sleep 60', { stallWindowMs: 400 }))
    expect(result).toMatchObject({ ended: 'stalled', signal: 'SIGTERM', stdout: { tail: 'hi\n' } })
  })

  it('is stalled when it never says anything', async () => {
    expect(await shell.run(shellRun('sleep 60', { stallWindowMs: 50 }))).toMatchObject({ ended: 'stalled' })
  })

  it('counts output on either stream as activity', async () => {
    // Ten times the pause is far longer than the window, one pause is far shorter.
    const chatty = 'for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.1; echo $i >&2; done'
    expect(await shell.run(shellRun(chatty, { stallWindowMs: 900 }))).toMatchObject({ ended: 'exited', exitCode: 0 })
  })

  it('is left alone without a window', async () => {
    expect(await shell.run(shellRun('sleep 0.2', { stallWindowMs: 0 }))).toMatchObject({ ended: 'exited' })
  })

  it('is not stalled when we were the ones who slept', async () => {
    const done = join(temporary.path, 'done')
    // Blocks this process past the window while the output waits in the pipe.
    const onSpawn = () => {
      const untilMs = performance.now() + 150
      while (performance.now() < untilMs || !existsSync(done))
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
    }
    const result = await shell.run(shellRun(`echo hi; touch '${done}'`, { stallWindowMs: 100, onSpawn }))
    expect(result).toMatchObject({ ended: 'exited', exitCode: 0, stdout: { tail: 'hi\n' } })
  })

  it('is ended though its budget has no time at all', async () => {
    expect(await shell.run(shellRun('sleep 60', { timeoutMs: 0 }))).toMatchObject({ ended: 'timed_out' })
  })
})
