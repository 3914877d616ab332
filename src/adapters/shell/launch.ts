/** Has `sh -c` started by a launcher: a small process beside this one, made when it is first needed. */
import { fork, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import type { Readable } from 'node:stream'
import { messageOf } from '../../runtime/errors.ts'
import type { ShellRun } from '../../runtime/ports.ts'
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
  /** Ends the launcher, which nothing may be running under. */
  close: () => void
}

/** Found through package.json: from the modules, the bundle and the sources alike. */
const PROGRAM = createRequire(import.meta.url).resolve('#launcher')
/** What it does not have need not be copied: threads that work beside it, room for much garbage, compiled code. */
const SMALL = ['--v8-pool-size=1', '--max-semi-space-size=1', '--no-opt', '--no-sparkplug']
const LOST = 'its launcher has ended'
/**
 * So few are on order at a time that none is started much later than it was allowed to be: who allowed it may be stopped
 * meanwhile, and somebody else take over.
 */
const ON_ORDER_MAX = 4

/** What is waited for of one launch. */
type Waiting = { started: (outcome: Started | { error: string }) => void; exited: (exit: Exit | null) => void }
/** `socket`: where it takes connections, or why it never will. */
type Running = { child: ChildProcess; socket: Promise<string | Error>; waiting: Map<string, Waiting> }

export function launcher(): Launcher {
  let running: Running | null = null

  function opened(): Running {
    running ??= begin((ended) => (running = running?.child === ended ? null : running))
    return running
  }

  let onOrder = 0
  const isFull = () => onOrder >= ON_ORDER_MAX
  const inLine: (() => void)[] = []

  async function launch(run: ShellRun): Promise<Launch | { error: string }> {
    for (await run.mayBegin?.(); isFull(); await run.mayBegin?.()) {
      await new Promise<void>((resolve) => inLine.push(resolve))
    }
    if (run.signal.aborted) return { error: 'it was called off' }
    onOrder += 1
    const launched = await order(run)
    const free = () => {
      onOrder -= 1
      inLine.shift()?.()
    }
    if ('error' in launched) free()
    else void launched.started.then(free)
    return launched
  }

  async function order({ command, cwd, env, marker }: ShellRun): Promise<Launch | { error: string }> {
    try {
      const { child, socket, waiting } = opened()
      // As long as something runs, this process does not end by itself.
      child.channel?.ref()
      const path = await socket
      if (path instanceof Error) throw path
      const id = randomUUID()
      const outcome = outcomeOf(id, waiting, () => waiting.size === 0 && child.channel?.unref())
      const refused = (error: Error | null) => error !== null && waiting.get(id)?.started({ error: messageOf(error) })
      const stream = (name: StreamName) => connected(path, greeting(id, name)).once('error', refused)
      const [stdout, stderr] = [stream('stdout'), stream('stderr')]
      const order: Order = { id, command, cwd, env: { ...env, [MARKER_VARIABLE]: marker } }
      child.send(order, refused)
      return { stdout, stderr, ...outcome, started: outcome.started.then((started) => explained(started, cwd)) }
    } catch (error) {
      return { error: `no process could be started: ${messageOf(error)}` }
    }
  }

  return {
    open: () => void opened(),
    launch,
    close() {
      running?.child.disconnect()
      running = null
    },
  }
}

function begin(onEnd: (child: ChildProcess) => void): Running {
  const waiting = new Map<string, Waiting>()
  const child = fork(PROGRAM, [], {
    // Nothing else of this process's surroundings: not its directory, its variables, its terminal's signals.
    cwd: '/',
    env: { TMPDIR: tmpdir() },
    detached: true,
    execArgv: SMALL,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  child.unref()
  child.channel?.unref()
  const socket = new Promise<string | Error>((resolve) => {
    const end = (error: Error) => {
      onEnd(child)
      resolve(error)
      if (child.connected) child.disconnect()
      for (const { started, exited } of waiting.values()) {
        started({ error: error.message })
        exited(null)
      }
    }
    child.on('error', end)
    child.once('disconnect', () => end(new Error(LOST)))
    child.on('message', (report: Report) => {
      if (report.kind === 'ready') return resolve(report.socket)
      if (report.kind === 'broken') return end(new Error(report.reason))
      const { started, exited } = waiting.get(report.id) ?? {}
      if (report.kind === 'started') started?.(report)
      else if (report.kind === 'refused') started?.({ error: report.reason })
      else exited?.({ exitCode: report.exitCode, signal: report.signal })
    })
  })
  return { child, socket, waiting }
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
