import { getEventListeners } from 'node:events'
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { localShell } from '../../src/adapters/shell/shell.ts'
import type { SpawnedProcess } from '../../src/runtime/ports.ts'
import { shellRun, temporaryDirectory } from '../support/processes.ts'

const shell = localShell()
const temporary = temporaryDirectory()
afterAll(temporary.remove)

const nothing = { tail: '', bytes: 0, clipped: false, file: null }

describe('how a run ends', () => {
  it('reports the exit code and both outputs', async () => {
    const result = await shell.run(shellRun('echo out; echo err >&2; exit 3'))
    expect(result).toMatchObject({
      ended: 'exited',
      exitCode: 3,
      signal: null,
      stdout: { tail: 'out\n', bytes: 4, clipped: false, file: null },
      stderr: { tail: 'err\n', bytes: 4, clipped: false, file: null },
      error: null,
    })
  })

  it('reports a signal by name', async () => {
    expect(await shell.run(shellRun('kill -USR1 $$'))).toMatchObject({
      ended: 'exited',
      exitCode: null,
      signal: 'SIGUSR1',
    })
  })

  it('reports a command that does not exist as the shell does', async () => {
    const result = await shell.run(shellRun('no-such-command-anywhere'))
    expect(result).toMatchObject({ ended: 'exited', exitCode: 127 })
    expect(result.stderr.tail).toContain('not found')
  })

  it('ends a process that takes too long', async () => {
    const result = await shell.run(shellRun('echo begun; sleep 60', { timeoutMs: 400 }))
    expect(result).toMatchObject({ ended: 'timed_out', exitCode: null, signal: 'SIGTERM', stdout: { tail: 'begun\n' } })
  })

  it('lets a process clean up on SIGTERM', async () => {
    const command = "trap 'echo bye; exit 7' TERM; echo ready; sleep 60 & wait"
    const abort = new AbortController()
    const result = await shell.run(shellRun(command, { signal: abort.signal, onOutput: () => abort.abort() }))
    expect(result).toMatchObject({ ended: 'aborted', exitCode: 7, stdout: { tail: 'ready\nbye\n' } })
  })

  it('kills a process that ignores SIGTERM', async () => {
    const abort = new AbortController()
    const command = "trap '' TERM; echo deaf; while :; do sleep 60; done"
    const result = await shell.run(shellRun(command, { signal: abort.signal, onOutput: () => abort.abort() }))
    expect(result).toMatchObject({ ended: 'aborted', exitCode: null, signal: 'SIGKILL', error: null })
  })

  it('starts nothing when the signal has fired already', async () => {
    const path = join(temporary.path, 'never')
    const spawned: SpawnedProcess[] = []
    const run = shellRun(`touch '${path}'`, {
      signal: AbortSignal.abort(),
      onSpawn: (process) => spawned.push(process),
    })
    expect(await shell.run(run)).toMatchObject({
      ended: 'aborted',
      exitCode: null,
      stdout: nothing,
      stderr: nothing,
      error: null,
    })
    expect(spawned).toEqual([])
  })

  it('leaves no listener on the signal', async () => {
    const signal = new AbortController().signal
    await shell.run(shellRun('true', { signal }))
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })
})

describe('what it runs in', () => {
  it('has exactly the given environment and the marker', async () => {
    const run = shellRun('cat /proc/self/environ', { env: { A: '1', B: 'x=y\nz', EMPTY: '' }, marker: 'm-1' })
    const { stdout } = await shell.run({ ...run, command: '/bin/cat /proc/$$/environ' })
    const variables = stdout.tail.split('\0').filter((text) => text !== '')
    expect(variables.toSorted()).toEqual(['A=1', 'B=x=y\nz', 'EMPTY=', 'SWARMTRAIL_MARKER=m-1'])
  })

  it('has no input', async () => {
    expect(await shell.run(shellRun('cat; echo done'))).toMatchObject({ exitCode: 0, stdout: { tail: 'done\n' } })
  })

  it.each(['with blank', 'quote\'d "twice"', '$(touch x)', '-n', 'ünï-日本', 'new\nline', 'file:x', '*'])(
    'takes a directory called %j',
    async (name) => {
      const cwd = join(temporary.path, name)
      mkdirSync(cwd)
      expect(await shell.run(shellRun('pwd -P', { cwd }))).toMatchObject({ exitCode: 0, stdout: { tail: `${cwd}\n` } })
    },
  )

  it('says which directory is not there', async () => {
    const cwd = join(temporary.path, 'vanished')
    mkdirSync(cwd)
    rmSync(cwd, { recursive: true })
    const result = await shell.run(shellRun('true', { cwd }))
    expect(result).toMatchObject({
      ended: 'not_spawned',
      exitCode: null,
      error: `the working directory ${cwd} is not there`,
    })
  })

  it('says that the directory is a file', async () => {
    const cwd = join(temporary.path, 'file')
    writeFileSync(cwd, '')
    const result = await shell.run(shellRun('true', { cwd }))
    expect(result).toMatchObject({ ended: 'not_spawned', error: `the working directory ${cwd} is not a directory` })
  })

  it('does not throw for what no process can be started with', async () => {
    const loop = join(temporary.path, 'loop')
    symlinkSync(loop, loop)
    const runs = [
      shellRun('true\0'),
      shellRun('true', { cwd: 'nul\0' }),
      shellRun('true', { cwd: loop }),
      shellRun('true', { env: { HUGE: 'x'.repeat(4_000_000) } }),
    ]
    const results = await Promise.all(runs.map((run) => shell.run(run)))
    expect(results.map(({ ended }) => ended)).toEqual(runs.map(() => 'not_spawned'))
    expect(results.every(({ error }) => error !== null && !error.includes('\n'))).toBe(true)
  })
})

describe('what it announces', () => {
  it('tells pid, group and start of the process at once', async () => {
    const spawned: SpawnedProcess[] = []
    const result = await shell.run(shellRun('echo $$', { onSpawn: (process) => spawned.push(process) }))
    const pid = Number(result.stdout.tail)
    expect(spawned).toEqual([{ pid, pgid: pid, processStartedAt: expect.stringMatching(/^[0-9a-f-]{36}:\d+$/) }])
  })

  it('is not disturbed by listeners that throw', async () => {
    const thrower = () => {
      throw new Error('no')
    }
    const result = await shell.run(shellRun('echo a; echo b', { onSpawn: thrower, onOutput: thrower }))
    expect(result).toMatchObject({ ended: 'exited', exitCode: 0, stdout: { tail: 'a\nb\n' } })
    expect(result.error).toBe('the launch could not be announced: no; stdout could not be handed on: no')
  })
})
