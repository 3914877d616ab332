/**
 * What tells a reader that it may be worth reading again. Republished messages are used as nudges only: whatever is
 * delivered was read from the stream, so a lost, doubled or forged one can cost a read but never a mistake.
 */
import { RepublishHeaders } from '@nats-io/jetstream'
import type { Msg } from '@nats-io/transport-node'
import type { Position } from '../../events/ids.ts'
import { asLogFault } from './log-errors.ts'
import type { NatsLink } from './connection.ts'

export type LogWake = {
  /** Forgets the nudges so far and returns the highest position heard of. Call it before reading, so that none is lost. */
  take(): Position
  /** Until a nudge (a message, a lost or new connection, an abort) that was not taken yet, or the time is over. Throws what ended the subscription. */
  wait(ms: number): Promise<void>
  close(): void
}

export function logWake(link: NatsLink, stream: string, subjects: readonly string[], signal?: AbortSignal): LogWake {
  let nudged = false
  let heard: Position = 0
  let failure: Error | null = null
  let resume: (() => void) | null = null
  const nudge = () => {
    nudged = true
    resume?.()
  }
  const listener: Listener = (error, position) => {
    failure = error ?? failure
    heard = Math.max(heard, position)
    nudge()
  }
  const leave = subjects.map((subject) => listen(link, subject, listener))
  const stopWatching = link.onChange(nudge)
  signal?.addEventListener('abort', nudge, { once: true })
  return {
    take() {
      nudged = false
      return heard
    },
    async wait(ms) {
      if (!nudged && signal?.aborted !== true) await nudgeWithin(ms, (done) => (resume = done))
      resume = null
      if (failure !== null) throw asLogFault(failure, stream)
    },
    close() {
      stopWatching()
      signal?.removeEventListener('abort', nudge)
      for (const one of leave) one()
    },
  }
}

type Listener = (error: Error | null, position: Position) => void

/** The readers of one connection share a subscription per subject: the server sends each message once to all of them. */
const listening = new WeakMap<NatsLink, Map<string, Set<Listener>>>()

function listen(link: NatsLink, subject: string, listener: Listener): () => void {
  const subjects = listening.get(link) ?? new Map<string, Set<Listener>>()
  listening.set(link, subjects)
  const listeners = subjects.get(subject) ?? subscribe(link, subject, subjects)
  listeners.add(listener)
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0) ended.get(listeners)?.()
  }
}

const ended = new WeakMap<Set<Listener>, () => void>()

function subscribe(link: NatsLink, subject: string, subjects: Map<string, Set<Listener>>): Set<Listener> {
  const listeners = new Set<Listener>()
  const forget = () => {
    if (subjects.get(subject) === listeners) subjects.delete(subject)
  }
  const callback = (error: Error | null, message: Msg) => {
    // A subscription that the server refused is over; whoever comes next asks for one of its own.
    if (error !== null) forget()
    const position = error === null ? Number(message.headers?.last(RepublishHeaders.Sequence)) || 0 : 0
    for (const listener of listeners) listener(error, position)
  }
  const subscription = link.nc.subscribe(subject, { callback })
  ended.set(listeners, () => {
    forget()
    subscription.unsubscribe()
  })
  subjects.set(subject, listeners)
  return listeners
}

async function nudgeWithin(ms: number, onNudge: (done: () => void) => void): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms)
    onNudge(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}
