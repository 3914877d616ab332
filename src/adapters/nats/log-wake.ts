/**
 * What tells a reader that it may be worth reading again. Republished messages are used as nudges only: whatever is
 * delivered was read from the stream, so a lost, doubled or forged one can cost a read but never a mistake.
 */
import type { Msg } from '@nats-io/transport-node'
import type { Position } from '../../events/ids.ts'
import { bellOf } from './bell.ts'
import { STORED } from './jetstream.ts'
import type { NatsLink } from './connection.ts'
import { asLogFault } from './log-errors.ts'
import { headerBlock, lastHeader } from './message-headers.ts'

export type LogWake = {
  /** The highest position told of since it was last called; infinite when anything may have been missed, 0 for nothing new. Call it before reading, so that no nudge is lost. */
  take(): Position
  /** Until a nudge (a message, a lost or new connection, the end) that was not taken yet, or the time is over: then false. Throws what ended the subscription. */
  wait(ms: number): Promise<boolean>
  close(): void
}

export function logWake(link: NatsLink, stream: string, subjects: readonly string[]): LogWake {
  let heard: Position = 0
  let failure: Error | null = null
  const bell = bellOf()
  const nudge = (position: Position) => {
    heard = Math.max(heard, position)
    bell.ring()
  }
  const anything = () => nudge(Number.POSITIVE_INFINITY)
  const listener: Listener = (error, position) => {
    failure = error ?? failure
    nudge(position)
  }
  const leave = subjects.map((subject) => listen(link, subject, listener))
  const stopWatching = link.onChange(anything)
  return {
    take() {
      const taken = heard
      heard = 0
      return taken
    },
    async wait(ms) {
      const nudged = heard > 0 || (failure === null && (await bell.rung(ms)))
      if (failure !== null) throw asLogFault(failure, stream)
      return nudged
    },
    close() {
      stopWatching()
      for (const one of leave) one()
      anything()
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
    const position = error === null ? positionIn(message) : Number.POSITIVE_INFINITY
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

/** Infinite when it does not say. */
function positionIn(message: Msg): Position {
  const block = headerBlock(message, message.data)
  return Number(lastHeader(message, block, STORED.sequence)) || Number.POSITIVE_INFINITY
}
