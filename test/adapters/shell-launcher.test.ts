/** The small process that starts others: what becomes of runs when it goes, and of it when its runner goes. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { localShell } from '../../src/adapters/shell/shell.ts'
import type { SpawnedProcess } from '../../src/runtime/ports.ts'
import { eventually, isAlive, markedPids, parentOf, shellRun } from '../support/processes.ts'

const BUILT_SHELL = fileURLToPath(new URL('../../dist/adapters/shell/shell.js', import.meta.url))
const shell = localShell()
afterAll(() => shell.close())

/** Pid of the launcher that started a process. */
async function launcherOf(run: (onSpawn: (process: SpawnedProcess) => void) => Promise<unknown>): Promise<number> {
  let launcher = 0
  await run(({ pid }) => (launcher = parentOf(pid)))
  return launcher
}

const quick = (onSpawn: (process: SpawnedProcess) => void) => shell.run(shellRun('sleep 0.2', { onSpawn }))

describe('the launcher', () => {
  it('is one process for all runs, and none of this one', async () => {
    const launchers = await Promise.all([launcherOf(quick), launcherOf(quick), launcherOf(quick)])
    expect(new Set(launchers).size).toBe(1)
    expect(launchers[0]).not.toBe(process.pid)
    expect(parentOf(launchers[0] ?? 0)).toBe(process.pid)
  })

  it('ends when the shell is closed', async () => {
    const other = localShell()
    const launcher = await launcherOf((onSpawn) => other.run(shellRun('sleep 0.2', { onSpawn })))
    expect(isAlive(launcher)).toBe(true)
    other.close()
    await eventually('the launcher has ended', () => !isAlive(launcher))
  })

  it('ends when the shell is closed before it is there', async () => {
    const before = children()
    const other = localShell()
    const opened = other.open()
    const [launcher = 0, ...more] = children().filter((pid) => !before.includes(pid))
    other.close()
    await opened
    expect([launcher > 1, more]).toEqual([true, []])
    await eventually('the launcher has ended', () => !isAlive(launcher))
  })

  it('takes what it started with it, when it is lost, and the next run has another one', async () => {
    const marker = 'launcher-lost'
    let launcher = 0
    const result = await shell.run(
      shellRun('echo begun; sleep 60 & wait', {
        marker,
        onSpawn: ({ pid }) => (launcher = parentOf(pid)),
        // Never a group: that of pid 0 is our own.
        onOutput: () => launcher > 1 && process.kill(launcher, 'SIGKILL'),
      }),
    )
    expect(result).toMatchObject({
      ended: 'exited',
      exitCode: null,
      signal: null,
      stdout: { tail: 'begun\n' },
      error: 'how the process ended is not known: what had started it is gone',
    })
    expect(markedPids(marker)).toEqual([])
    const next = await launcherOf(quick)
    expect(next).not.toBe(launcher)
    expect(next).not.toBe(0)
  })

  it('ends with its runner, starts nothing more, and leaves what it started to whoever comes next', async () => {
    const marker = 'runner-killed'
    const run = { ...shellRun('sleep 60', { marker }), signal: undefined }
    const program = `const { localShell } = await import(${JSON.stringify(BUILT_SHELL)})
      const run = { ...${JSON.stringify(run)}, signal: new AbortController().signal }
      const shell = localShell()
      await Promise.all(Array.from({ length: 40 }, () => shell.run({ ...run, onSpawn: ({ pid }) => console.log(pid) })))`
    const runner = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line]: unknown[] = await once(runner.stdout, 'data')
    const pid = Number.parseInt(String(line), 10)
    const launcher = parentOf(pid)
    expect(parentOf(launcher)).toBe(runner.pid)
    runner.kill('SIGKILL')
    await once(runner, 'exit')
    await eventually('the launcher has ended', () => !isAlive(launcher))
    const left = markedPids(marker)
    expect(left).toContain(pid)
    expect(left.length).toBeLessThan(40)
    const { killed } = await shell.reap({ process: null, marker })
    expect(killed).toEqual(expect.arrayContaining(left))
    expect(markedPids(marker)).toEqual([])
  })

  it('is only for its user, and lets go of whoever does not know what is launched', async () => {
    const launcher = await launcherOf(quick)
    const path = socketOf(launcher)
    expect(statSync(dirname(path)).mode & 0o077).toBe(0)
    for (const said of ['hello\n', 'x stdin\n', '\0'.repeat(70_000)]) {
      const stranger = connect(path)
      stranger.on('error', () => undefined)
      stranger.write(said)
      stranger.resume()
      await new Promise((resolve) => stranger.once('close', resolve))
    }
    expect(await launcherOf(quick)).toBe(launcher)
  })
})

describe('a launcher that can not be reached any more', () => {
  it('goes on with what runs, and what comes next has another launcher, and begins once', async () => {
    const other = localShell()
    let path = ''
    let launcher = 0
    const first = other.run(
      shellRun('sleep 2; exit 3', {
        onSpawn: ({ pid }) => {
          launcher = parentOf(pid)
          path = socketOf(launcher)
        },
      }),
    )
    await eventually('the first has begun', () => path !== '')
    rmSync(dirname(path), { recursive: true })
    const directory = mkdtempSync(join(tmpdir(), 'begun-'))
    const next = Array.from({ length: 6 }, (_, index) =>
      launcherOf((onSpawn) => other.run(shellRun(`echo begun >> ${directory}/${index}; sleep 0.2`, { onSpawn }))),
    )
    const launchers = new Set(await Promise.all(next))
    expect(launchers.size).toBe(1)
    expect(launchers).not.toContain(launcher)
    expect(readdirSync(directory).map((name) => readFileSync(join(directory, name), 'utf8'))).toEqual(
      next.map(() => 'begun\n'),
    )
    expect(isAlive(launcher)).toBe(true)
    expect(await first).toMatchObject({ ended: 'exited', exitCode: 3, error: null })
    await eventually('what nothing runs under has ended', () => !isAlive(launcher))
    other.close()
    rmSync(directory, { recursive: true })
  })

  it('ends, when nothing runs under it', async () => {
    const other = localShell()
    const launcher = await launcherOf((onSpawn) => other.run(shellRun('sleep 0.2', { onSpawn })))
    rmSync(socketOf(launcher))
    expect(await other.run(shellRun('exit 4'))).toMatchObject({ ended: 'exited', exitCode: 4 })
    await eventually('the launcher has ended', () => !isAlive(launcher))
    other.close()
  })
})

describe('a run that may not begin yet', () => {
  it('is asked when it comes, and again right before it begins', async () => {
    let allowed = 0
    const asked: number[] = []
    const runs = Array.from({ length: 12 }, (_, index) =>
      shell.run(shellRun('echo $PPID', { mayBegin: async () => void asked.push(index) })).then(() => (allowed += 1)),
    )
    await Promise.all(runs)
    expect(allowed).toBe(12)
    // When it came, and right before it began.
    expect(asked.length).toBe(24)
    expect(new Set(asked).size).toBe(12)
  })

  it('holds up nobody behind it when it is called off in line, or may never begin', async () => {
    const off = new AbortController()
    const refusing = { mayBegin: () => Promise.reject(new Error('never')) }
    const first = Array.from({ length: 4 }, () => shell.run(shellRun('sleep 0.1')))
    const calledOff = Array.from({ length: 8 }, () => shell.run(shellRun('sleep 0.1', { signal: off.signal })))
    const refused = Promise.allSettled(Array.from({ length: 4 }, () => shell.run(shellRun('true', refusing))))
    const last = shell.run(shellRun('exit 5'))
    off.abort()
    const ended = await Promise.all([...first, ...calledOff, last])
    expect(ended.map((result) => result.ended)).toEqual([
      ...first.map(() => 'exited'),
      ...calledOff.map(() => 'aborted'),
      'exited',
    ])
    expect((await refused).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'rejected'])
  })

  it('is not started when it is called off while the launcher is being started', async () => {
    const fresh = localShell()
    const off = new AbortController()
    const spawned: SpawnedProcess[] = []
    const run = fresh.run(shellRun('true', { signal: off.signal, onSpawn: (process) => spawned.push(process) }))
    await Promise.resolve()
    off.abort()
    expect(await run).toMatchObject({ ended: 'aborted', error: null })
    expect(spawned).toEqual([])
    fresh.close()
  })

  it('is refused once the shell is closed', async () => {
    const closed = localShell()
    void closed.open()
    closed.close()
    expect(await closed.run(shellRun('true'))).toMatchObject({ ended: 'not_spawned', error: 'the shell is closed' })
  })

  it('is not started when it is called off meanwhile', async () => {
    const off = new AbortController()
    const spawned: SpawnedProcess[] = []
    const run = shellRun('true', {
      signal: off.signal,
      mayBegin: async () => off.abort(),
      onSpawn: (process) => spawned.push(process),
    })
    expect(await shell.run(run)).toMatchObject({ ended: 'aborted', exitCode: null, error: null })
    expect(spawned).toEqual([])
  })
})

describe('what it starts', () => {
  it('may write without being told to try again', async () => {
    const { stdout } = await shell.run(shellRun('cat /proc/self/fdinfo/1'))
    const flags = Number.parseInt(/flags:\s*(\d+)/.exec(stdout.tail)?.[1] ?? '', 8)
    const O_NONBLOCK = 0o4000
    expect(flags & O_NONBLOCK).toBe(0)
  })

  it('is told of before its output, however soon that comes', async () => {
    const told = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const seen: string[] = []
        const run = { onSpawn: () => void seen.push('process'), onOutput: () => void seen.push('output') }
        await shell.run(shellRun('echo at once', run))
        return seen
      }),
    )
    expect(told).toEqual(told.map(() => ['process', 'output']))
  })

  it('has no connection but its output', async () => {
    const { stdout } = await shell.run(shellRun('ls -l /proc/$$/fd'))
    const sockets = stdout.tail.split('\n').filter((line) => line.includes('socket:'))
    expect(sockets.map((line) => / (\d+) -> /.exec(line)?.[1])).toEqual(['1', '2'])
  })
})

/** Pids of the processes that this one has started. */
function children(): number[] {
  return readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8').trim().split(' ').map(Number)
}

/** Path of the socket that a process listens on. */
function socketOf(pid: number): string {
  const inodes = readdirSync(`/proc/${pid}/fd`).flatMap(
    (fd) => /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`))?.[1] ?? [],
  )
  const sockets = readFileSync('/proc/net/unix', 'utf8')
    .split('\n')
    .map((line) => line.split(/\s+/))
  const path = sockets.find(([, , , , , , inode, path]) => path !== undefined && inodes.includes(inode ?? ''))?.[7]
  if (path === undefined) throw new Error(`process ${pid} listens on no socket`)
  return path
}

/** Where a link leads; nowhere when it went away meanwhile. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
    throw error
  }
}
