/** Has `sh -c` started by a launcher: a small process beside this one, made when it is first needed. */
import { fork, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { messageOf } from '../../runtime/errors.ts'
import type { ShellRun } from '../../runtime/ports.ts'
import { isErrno } from './errno.ts'
import { greeting, type Order, type Report } from './launch-protocol.ts'
import { MARKER_VARIABLE } from './marked-processes.ts'
import type { StreamName } from './output-capture.ts'
import type { ProcessIdentity } from './process-identity.ts'

export type Exit = { exitCode: number | null; signal: string | null }
export type Started = { pid: number; identity: ProcessIdentity | null; problem: string | null }
export type Launch = {
  /** To be listened to at once: a process may be over before it is told of. */
  stdout: Readable
  stderr: Readable
  /** The running process, or why there is none. */
  started: Promise<Started | { error: string }>
  /** The process itself is gone; others may still hold its streams. Null when its launcher is, so that nobody can tell. */
  exited: Promise<Exit | null>
}

export type Launcher = {
  /** Starts it, if there is none, so that the first launch need not wait for that. */
  open: () => void
  launch: (run: ShellRun) => Promise<Launch | { error: string }>
  /** Ends the launcher, which nothing may be running under. Nothing can be launched any more. */
  close: () => void
}

/** Found through package.json: from the modules, the bundle and the sources alike. */
const PROGRAM = createRequire(import.meta.url).resolve('#launcher')
/** What it does not have need not be copied: threads that work beside it, room for much garbage, compiled code. */
const SMALL = ['--v8-pool-size=1', '--max-semi-space-size=1', '--no-opt', '--no-sparkplug']
const LOST = 'its launcher has ended'
const CLOSED = 'the shell is closed'
/**
 * So few are on order at a time that none is started much later than it was allowed to be: who allowed it may be stopped
 * meanwhile, and somebody else take over.
 */
const ON_ORDER_MAX = 4
/** A launcher that has not answered for so long never will, e.g. in a directory of a server that is gone. It is replaced. */
const ANSWER_MS_MAX = 30_000

/** What is waited for of one launch. */
type Waiting = { started: (outcome: Started | { error: string }) => void; exited: (exit: Exit | null) => void }
/** `socket`: where it takes connections, or why it never will. */
type Running = {
  child: ChildProcess
  socket: Promise<string | Error>
  waiting: Map<string, Waiting>
  isRetired: boolean
}

export function launcher(): Launcher {
  let running: Running | null = null
  let isClosed = false
  const places = turnstile(ON_ORDER_MAX)

  function opened(): Running {
    running ??= begin((ended) => (running = running?.child === ended ? null : running))
    return running
  }

  async function launch(run: ShellRun): Promise<Launch | { error: string }> {
    if (isClosed) return { error: CLOSED }
    // Asked before it stands in line too, so that nobody stands there who may not begin for long.
    await run.mayBegin?.()
    await places.enter()
    let launched: Launch | { error: string } = { error: CLOSED }
    try {
      launched = await order(run)
    } catch (error) {
      launched = { error: `no process could be started: ${messageOf(error)}` }
    } finally {
      if ('error' in launched) places.leave()
      else void launched.started.then(places.leave)
    }
    return launched
  }

  /** Nothing is waited for between the permission and the order. */
  async function order(run: ShellRun): Promise<Launch | { error: string }> {
    const current = opened()
    // As long as something is to run, this process does not end by itself.
    current.child.channel?.ref()
    try {
      const path = await current.socket
      if (path instanceof Error) throw path
      await run.mayBegin?.()
      if (isClosed || run.signal.aborted) return { error: isClosed ? CLOSED : 'it was called off' }
      return ordered(current, path, run, () => retire(current))
    } finally {
      if (current.waiting.size === 0) current.child.channel?.unref()
    }
  }

  /** Its socket is not there any more: what runs under it goes on, and the next launch gets another. */
  function retire(current: Running): void {
    if (running === current) running = null
    current.isRetired = true
  }

  return {
    open: () => void opened(),
    launch,
    close() {
      isClosed = true
      running?.child.disconnect()
      running = null
    },
  }
}

/** Sends the order, and makes the connections for it. */
function ordered(current: Running, path: string, run: ShellRun, onGone: () => void): Launch {
  const { child, waiting } = current
  const { command, cwd, env, marker } = run
  const id = randomUUID()
  const outcome = outcomeOf(id, waiting, () => {
    clearTimeout(deadline)
    if (waiting.size > 0) return
    child.channel?.unref()
    if (current.isRetired && child.connected) child.disconnect()
  })
  const deadline = setTimeout(() => child.kill('SIGKILL'), ANSWER_MS_MAX)
  const refused = (error: Error | null) => {
    if (error === null) return
    if (isErrno(error, 'ENOENT', 'ECONNREFUSED')) onGone()
    waiting.get(id)?.started({ error: messageOf(error) })
    if (child.connected) child.send({ id } satisfies Order, () => undefined)
  }
  const stream = (name: StreamName) => connected(path, greeting(id, name)).once('error', refused)
  const [stdout, stderr] = [stream('stdout'), stream('stderr')]
  child.send({ id, what: { command, cwd, env: { ...env, [MARKER_VARIABLE]: marker } } } satisfies Order, refused)
  const started = outcome.started.then((told) => {
    clearTimeout(deadline)
    return explained(told, cwd)
  })
  return { stdout, stderr, started, exited: outcome.exited }
}

/** So many may be inside; who leaves gives the place to the one who came first of those that wait. */
function turnstile(size: number) {
  let free = size
  const line: (() => void)[] = []
  return {
    enter: async () => {
      if (free > 0) free -= 1
      else await new Promise<void>((resolve) => line.push(resolve))
    },
    leave: () => {
      const next = line.shift()
      if (next === undefined) free += 1
      else next()
    },
  }
}

function begin(onEnd: (child: ChildProcess) => void): Running {
  const waiting = new Map<string, Waiting>()
  const child = fork(PROGRAM, [], {
    // Nothing else of this process's surroundings: not its directory, its variables, its terminal's signals.
    cwd: '/',
    env: { TMPDIR: resolve(tmpdir()) },
    detached: true,
    execArgv: SMALL,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  child.unref()
  child.channel?.unref()
  const socket = new Promise<string | Error>((settle) => {
    const late = setTimeout(() => child.kill('SIGKILL'), ANSWER_MS_MAX).unref()
    const end = (error: Error) => {
      clearTimeout(late)
      onEnd(child)
      settle(error)
      if (child.connected) child.disconnect()
      for (const { started, exited } of waiting.values()) {
        started({ error: error.message })
        exited(null)
      }
    }
    child.on('error', end)
    child.once('disconnect', () => end(new Error(LOST)))
    child.on('message', (report: Report) => {
      if (report.kind === 'ready') {
        clearTimeout(late)
        return settle(report.socket)
      }
      if (report.kind === 'broken') return end(new Error(report.reason))
      const { started, exited } = waiting.get(report.id) ?? {}
      if (report.kind === 'started') started?.(report)
      else if (report.kind === 'refused') started?.({ error: report.reason })
      else exited?.({ exitCode: report.exitCode, signal: report.signal })
    })
  })
  return { child, socket, waiting, isRetired: false }
}

function outcomeOf(id: string, waiting: Map<string, Waiting>, onOver: () => void): Pick<Launch, 'started' | 'exited'> {
  const over = () => {
    waiting.delete(id)
    onOver()
  }
  const told: Waiting = { started: () => undefined, exited: () => undefined }
  const started = new Promise<Started | { error: string }>((resolve) => {
    told.started = (outcome) => {
      // What goes wrong with its streams later is theirs.
      told.started = () => undefined
      resolve(outcome)
      if ('error' in outcome) over()
    }
  })
  const exited = new Promise<Exit | null>((resolve) => {
    told.exited = (exit) => {
      resolve(exit)
      over()
    }
  })
  waiting.set(id, told)
  return { started, exited }
}

function connected(path: string, greeting: string): Socket {
  const stream = connect(path)
  stream.write(greeting)
  return stream
}

function explained(started: Started | { error: string }, cwd: string): Started | { error: string } {
  return 'error' in started ? { error: whyNot(cwd, started.error) } : started
}

/** The system answers ENOENT for a missing directory and a missing program alike. */
function whyNot(cwd: string, message: string): string {
  try {
    const directory = statSync(cwd, { throwIfNoEntry: false })
    if (directory === undefined) return `the working directory ${cwd} is not there`
    if (!directory.isDirectory()) return `the working directory ${cwd} is not a directory`
    return `/bin/sh could not be started in ${cwd}: ${message}`
  } catch (error) {
    return `the working directory ${cwd} can't be used: ${messageOf(error)}`
  }
}
