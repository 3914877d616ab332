/** Has `sh -c` started by a launcher: a small process beside this one, made when it is first needed. */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { messageOf } from '../../runtime/errors.ts'
import type { ShellRun } from '../../runtime/ports.ts'
import { isErrno } from './errno.ts'
import { greeting, type Order } from './launch-protocol.ts'
import { MARKER_VARIABLE } from './marked-processes.ts'
import type { StreamName } from './output-capture.ts'
import { ANSWER_MS_MAX, begin, outcomeOf, type Exit, type Running, type Started } from './running-launcher.ts'

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
  /** Starts it, if there is none, so that the first launch need not wait for that; null, or why it can't be started. */
  open: () => Promise<Error | null>
  launch: (run: ShellRun) => Promise<Launch | { error: string }>
  /** Ends the launcher, which nothing may be running under. Nothing can be launched any more. */
  close: () => void
}

const CLOSED = 'the shell is closed'
const UNHEARD = 'no process could be started: its launcher takes no connections'
/**
 * So few are on order at a time that none is started much later than it was allowed to be: who allowed it may be stopped
 * meanwhile, and somebody else take over.
 */
const ON_ORDER_MAX = 4

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
      launched = (await order(run)) ?? (await order(run)) ?? { error: UNHEARD }
    } catch (error) {
      launched = { error: `no process could be started: ${messageOf(error)}` }
    } finally {
      if ('error' in launched) places.leave()
      else void launched.started.then(places.leave)
    }
    return launched
  }

  /** Null when the launcher can't be reached any more: nothing has begun then, and the next order goes to another one. */
  async function order(run: ShellRun): Promise<Launch | { error: string } | null> {
    if (isClosed) return { error: CLOSED }
    const current = opened()
    // As long as something is to run, this process does not end by itself.
    current.child.channel?.ref()
    try {
      const path = await current.socket
      if (path instanceof Error) throw path
      await run.mayBegin?.()
      if (isClosed || run.signal.aborted) return { error: isClosed ? CLOSED : 'it was called off' }
      const launched = await ordered(current, path, run)
      if (launched === null) retire(current)
      return launched
    } finally {
      letGo(current)
    }
  }

  /** What runs under it goes on, and the next launch gets another. */
  function retire(current: Running): void {
    if (running === current) running = null
    current.isRetired = true
  }

  return {
    async open() {
      const path = await opened().socket
      return path instanceof Error ? path : null
    },
    launch,
    close() {
      isClosed = true
      running?.child.disconnect()
      running = null
    },
  }
}

/** One that nothing runs under keeps this process alive no longer, and ends when there is another in its place. */
function letGo({ child, waiting, isRetired }: Running): void {
  if (waiting.size > 0) return
  child.channel?.unref()
  if (isRetired && child.connected) child.disconnect()
}

/**
 * Sends the order, and makes the connections for it: the launcher begins when all three are there. So when one of these
 * can't be made, nothing has begun, and the answer is null.
 */
async function ordered(current: Running, path: string, run: ShellRun): Promise<Launch | null> {
  const { child, waiting } = current
  const { command, cwd, env, marker } = run
  const id = randomUUID()
  const outcome = outcomeOf(id, waiting, () => {
    clearTimeout(deadline)
    letGo(current)
  })
  const deadline = setTimeout(() => child.kill('SIGKILL'), ANSWER_MS_MAX)
  const refused = (error: Error | null) => {
    if (error === null) return
    waiting.get(id)?.started({ error: messageOf(error) })
    if (child.connected) child.send({ id } satisfies Order, () => undefined)
  }
  const stream = (name: StreamName) => connected(path, greeting(id, name)).on('error', refused)
  // First: nothing is waited for between the permission and the order, and the launcher takes it in meanwhile.
  child.send({ id, what: { command, cwd, env: { ...env, [MARKER_VARIABLE]: marker } } } satisfies Order, refused)
  const [stdout, stderr] = [stream('stdout'), stream('stderr')]
  if (!(await reached([stdout, stderr]))) return null
  const started = outcome.started.then((told) => {
    clearTimeout(deadline)
    return explained(told, cwd)
  })
  return { stdout, stderr, started, exited: outcome.exited }
}

/** Whether somebody takes connections there. The system makes them at once, before they are taken. */
async function reached(streams: readonly Socket[]): Promise<boolean> {
  try {
    await Promise.all(streams.map((stream) => once(stream, 'connect')))
    return true
  } catch (error) {
    for (const stream of streams) stream.destroy()
    if (isErrno(error, 'ENOENT', 'ECONNREFUSED')) return false
    throw error
  }
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
