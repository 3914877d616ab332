import { randomUUID } from 'node:crypto'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { identify, processStartedAt } from '../../src/adapters/shell/process-identity.ts'
import type { Traces } from '../../src/adapters/shell/marked-processes.ts'
import { survey } from '../../src/adapters/shell/shared-look.ts'
import { localShell } from '../../src/adapters/shell/shell.ts'
import type { SpawnedProcess } from '../../src/runtime/ports.ts'
import {
  eventually,
  groupOf,
  isAlive,
  markedPids,
  pidsWith,
  shellRun,
  temporaryDirectory,
} from '../support/processes.ts'

const shell = localShell()
const temporary = temporaryDirectory()
afterAll(temporary.remove)

/** Commands that leave something behind, each in its way. */
const LEAVERS: Record<string, string> = {
  'a background child': 'sleep 60 & echo started',
  'a background child that has closed its pipes': 'sleep 60 >/dev/null 2>&1 & echo started',
  'a tree of children': '(sleep 60 & (sleep 60 & sleep 60) & wait) & echo started',
  'a child in a session of its own': 'setsid sleep 60 & echo started',
  'a daemon forked twice': 'setsid sh -c "sleep 60 & exit 0" & wait; echo started',
  'a daemon that still forks while we look': 'setsid sh -c "setsid sleep 60 & setsid sleep 60 &" & echo started',
}

/** A process group that no run of ours looks after. */
function detached(command: string, marker: string): { pid: number; exited: Promise<unknown> } {
  const env = { PATH: process.env['PATH'], SWARMTRAIL_MARKER: marker }
  const child = spawn('sh', ['-c', command], { stdio: 'ignore', env, detached: true })
  return { pid: child.pid ?? 0, exited: once(child, 'exit') }
}

describe('a run that exits', () => {
  it.each(Object.keys(LEAVERS))('leaves no process: %s', async (name) => {
    const run = shellRun(LEAVERS[name] ?? '')
    const result = await shell.run(run)
    expect(markedPids(run.marker)).toEqual([])
    expect(result).toMatchObject({ ended: 'exited', exitCode: 0, stdout: { tail: 'started\n' }, error: null })
  })

  it('leaves no child that ignores SIGTERM', async () => {
    const deaf = `sh -c "trap '' TERM; echo deaf; while :; do sleep 60; done"`
    // The shell waits for the child's word, so that the trap is set when the shell exits.
    const run = shellRun(`mkfifo ready; setsid ${deaf} > ready & read word < ready; echo $word`, {
      cwd: temporary.path,
    })
    const result = await shell.run(run)
    expect(markedPids(run.marker)).toEqual([])
    expect(result).toMatchObject({ ended: 'exited', stdout: { tail: 'deaf\n' }, error: null })
  })

  it('keeps all of the output though a child holds the pipes', async () => {
    const result = await shell.run(shellRun('sleep 60 & seq 1 20000'))
    expect(result.stdout.bytes).toBe(108_894)
  })
})

describe('a run that is ended', () => {
  it.each(Object.keys(LEAVERS))('leaves no process: %s', async (name) => {
    const abort = new AbortController()
    const run = shellRun(`${LEAVERS[name]}; sleep 60`, { signal: abort.signal, onOutput: () => abort.abort() })
    const result = await shell.run(run)
    expect(markedPids(run.marker)).toEqual([])
    expect(result).toMatchObject({ ended: 'aborted', signal: 'SIGTERM', error: null })
  })
})

describe('a process that can not be found', () => {
  it('does not hang the run though it holds the pipes', async () => {
    // Neither in the group nor marked: this one outlives the run, and the test ends it.
    const trace = randomUUID()
    const result = await shell.run(
      shellRun(
        `setsid env -i TRACE=${trace} sleep 60 & until ps -p $! -o args= | grep -q '^sleep'; do :; done; echo $!`,
      ),
    )
    expect(result).toMatchObject({ ended: 'exited', exitCode: 0 })
    const [pid] = pidsWith('TRACE', trace)
    expect(result.stdout.tail).toBe(`${pid}\n`)
    process.kill(pid ?? 0, 'SIGKILL')
    await eventually('it is gone', () => !isAlive(pid ?? 0))
  })

  it('does not hold back the end of an output, which could have become a secret', async () => {
    const trace = randomUUID()
    const spool = join(temporary.path, 'held')
    const held = `setsid env -i TRACE=${trace} sleep 60 & until ps -p $! -o args= | grep -q '^sleep'; do :; done`
    const result = await shell.run(shellRun(`${held}; printf 'begun: tok'`, { secrets: { TOKEN: 'token-1' }, spool }))
    for (const pid of pidsWith('TRACE', trace)) process.kill(pid, 'SIGKILL')
    expect(result.stdout).toEqual({ tail: 'begun: tok', bytes: 10, clipped: false, file: join(spool, 'stdout') })
    expect(readFileSync(join(spool, 'stdout'), 'utf8')).toBe('begun: tok')
  })
})

describe('many runs', () => {
  it('leave no process, and each gets its own output', async () => {
    const runs = Array.from({ length: 50 }, (_, index) =>
      shellRun(`sleep 60 & setsid sleep 60 & echo ${index}; exit ${index}`),
    )
    const results = await Promise.all(runs.map((run) => shell.run(run)))
    expect(results.map(({ exitCode }) => exitCode)).toEqual(runs.map((_, index) => index))
    expect(results.map(({ stdout }) => stdout.tail)).toEqual(runs.map((_, index) => `${index}\n`))
    expect(runs.flatMap(({ marker }) => markedPids(marker))).toEqual([])
  })
})

describe('the look for leftovers', () => {
  it('sees the members of the group and the marked, and nobody else', async () => {
    const marker = randomUUID()
    const bystander = detached('sleep 60', `${marker}0`)
    const child = detached('sleep 60 & setsid sleep 60 & wait', marker)
    const all = await eventually('all three run', () => markedPids(marker).length === 3 && new Set(markedPids(marker)))
    const seen = async (traces: Traces) => new Set((await survey(traces)).alive.map(({ pid }) => pid))
    const leader = identify(child.pid)
    const hasExited = false
    expect(await seen({ marker, leader, launchedMs: performance.now(), hasExited })).toEqual(all)
    expect(await seen({ marker, leader, launchedMs: null, hasExited })).toEqual(all)
    expect(await seen({ marker, leader: null, launchedMs: null, hasExited })).toEqual(all)
    expect(await seen({ marker: marker.slice(1), leader: null, launchedMs: null, hasExited })).toEqual(new Set())
    for (const known of [marker, `${marker}0`]) await shell.reap({ process: null, marker: known })
    await Promise.all([child.exited, bystander.exited])
  })

  it('tells apart many runs that are looked for at once, whatever is known of each', async () => {
    const markers = Array.from({ length: 5 }, () => randomUUID())
    const children = markers.map((marker) => detached('sleep 60 & setsid sleep 60 & wait', marker))
    const own = await Promise.all(
      markers.map((marker) => eventually('all three run', () => markedPids(marker).length === 3 && markedPids(marker))),
    )
    const tracesOf = (index: number): Traces[] => {
      const marker = markers[index] ?? ''
      const leader = identify(children[index]?.pid ?? 0)
      return [
        { marker, leader, launchedMs: null, hasExited: false },
        { marker, leader: null, launchedMs: null, hasExited: false },
      ]
    }
    const seen = await Promise.all(
      markers.flatMap((_, index) => tracesOf(index)).map(async (traces) => (await survey(traces)).alive),
    )
    const pids = seen.map((alive) => new Set(alive.map(({ pid }) => pid)))
    expect(pids).toEqual(own.flatMap((each) => [new Set(each), new Set(each)]))
    for (const marker of markers) await shell.reap({ process: null, marker })
    await Promise.all(children.map(({ exited }) => exited))
  })

  it('does not take a leader that was waited for for one that is just going', async () => {
    const marker = randomUUID()
    const launchedMs = performance.now()
    const child = detached('exec sleep 60', marker)
    const leader = identify(child.pid)
    process.kill(child.pid, 'SIGKILL')
    await child.exited
    for (const since of [launchedMs, null]) {
      const { alive, fleeting } = await survey({ marker, leader, launchedMs: since, hasExited: true })
      expect({ alive, fleeting: fleeting.includes(child.pid) }).toEqual({ alive: [], fleeting: false })
    }
  })
})

describe('reap', () => {
  /** A process group as a runner that crashed would leave it: its leader and one that left the group. */
  async function leftover() {
    const marker = randomUUID()
    const child = detached('env -u SWARMTRAIL_MARKER sleep 60 & setsid sleep 60 & wait', marker)
    const startedAt = processStartedAt(child.pid) ?? ''
    const recorded: SpawnedProcess = { pid: child.pid, pgid: child.pid, processStartedAt: startedAt }
    const escaped = await eventually('it has left', () =>
      markedPids(marker).find((pid) => pid !== child.pid && groupOf(pid) === pid),
    )
    return { marker, recorded, escaped, exited: child.exited }
  }

  it('ends the group and what is marked', async () => {
    const { marker, recorded, escaped, exited } = await leftover()
    const { killed } = await shell.reap({ process: recorded, marker })
    expect(killed).toEqual(expect.arrayContaining([recorded.pid, escaped]))
    expect(killed).toHaveLength(3)
    await exited
    expect(markedPids(marker)).toEqual([])
  })

  it('finds nothing the second time', async () => {
    const { marker, recorded, exited } = await leftover()
    await shell.reap({ process: recorded, marker })
    await exited
    expect(await shell.reap({ process: recorded, marker })).toEqual({ killed: [] })
  })

  it('does not touch a process that got the pid later', async () => {
    const { marker, recorded, exited } = await leftover()
    const earlier = { ...recorded, processStartedAt: recorded.processStartedAt.replace(/\d+$/, '1') }
    const otherBoot = { ...recorded, processStartedAt: recorded.processStartedAt.replace(/^./, 'x') }
    expect(await shell.reap({ process: earlier, marker: 'none' })).toEqual({ killed: [] })
    expect(await shell.reap({ process: otherBoot, marker: 'none' })).toEqual({ killed: [] })
    expect(isAlive(recorded.pid)).toBe(true)
    await shell.reap({ process: recorded, marker })
    await exited
  })

  it('ends the marked though the group is gone', async () => {
    const { marker, recorded, escaped, exited } = await leftover()
    await shell.reap({ process: recorded, marker: 'none' })
    await exited
    expect(isAlive(escaped)).toBe(true)
    expect(await shell.reap({ process: recorded, marker })).toEqual({ killed: [escaped] })
    expect(isAlive(escaped)).toBe(false)
  })

  it('never signals this process', async () => {
    const ours = { pid: process.pid, pgid: process.pid, processStartedAt: '0:0' }
    expect(await shell.reap({ process: ours, marker: randomUUID() })).toEqual({ killed: [] })
  })
})
