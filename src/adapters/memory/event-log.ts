/**
 * The event log in memory: the reference for what the port's laws mean, and the log of simulations. Nothing in it but
 * promises: no clock, no chance, no timers, so a run with the same inputs in the same order is the same run.
 */
import type { Sha256 } from '../../events/hash-chain.ts'
import { EVENT_BYTES_MAX, type SwarmEvent } from '../../events/envelope.ts'
import type { Position, SessionId, Version } from '../../events/ids.ts'
import { nounOf } from '../../events/session-events.ts'
import { namesOf } from '../../events/subjects.ts'
import { toEpochMs } from '../../events/timestamp.ts'
import { SwarmError } from '../../runtime/errors.ts'
import { logItemOf } from '../../runtime/log-item.ts'
import type { EventLog, LogEvent, LogFilter, LogItem, LogParked, Subscribe } from '../../runtime/ports.ts'

/** A listener that is slower than this loses the oldest output. */
const bufferChunksMax = 1_024

type Item = LogEvent | LogParked
type Stored = { item: Item; sessionId: SessionId; noun: string }
type Output = { stream: 'stdout' | 'stderr'; text: string }

export type MemoryEventLog = EventLog & {
  /** Stores any text on an event subject unchecked, as a foreign client of a real log could. */
  plant(sessionId: SessionId, noun: string, body: string): Position
  /** Takes the message at a position away, as a store that was damaged does. */
  lose(position: Position): void
}

export function memoryEventLog(sha256: Sha256): MemoryEventLog {
  const names = namesOf('memory')
  /** The record at index n has position n + 1; null: it is lost. */
  const log: (Stored | null)[] = []
  const trails = new Map<SessionId, Item[]>()
  const listeners = new Map<SessionId, Set<(output: Output) => void>>()
  const grown = bell()

  function plant(sessionId: SessionId, noun: string, body: string): Position {
    const position = log.length + 1
    const item = logItemOf({ names, sha256 }, names.event(sessionId, noun), position, body)
    log.push({ item, sessionId, noun })
    if (trails.get(sessionId)?.push(item) === undefined) trails.set(sessionId, [item])
    grown.ring()
    return position
  }

  function lose(position: Position): void {
    const lost = log[position - 1]
    if (lost === undefined || lost === null) return
    log[position - 1] = null
    trails.set(
      lost.sessionId,
      trail(lost.sessionId).filter((item) => item !== lost.item),
    )
  }

  const trail = (sessionId: SessionId) => trails.get(sessionId) ?? []

  async function append(event: SwarmEvent, expected: Version): Promise<Position> {
    const body = JSON.stringify(event)
    if (new TextEncoder().encode(body).length > EVENT_BYTES_MAX) {
      throw new SwarmError('append_too_large', 'the event is larger than 1 MiB; large content belongs into artifacts')
    }
    const past = trail(event.subject)
    const next = past.find(({ position }) => position > expected)
    if (next?.kind === 'event' && next.event.id === event.id) return next.position
    const actual = past.at(-1)?.position ?? 0
    if (actual === expected) return plant(event.subject, nounOf(event.type), body)
    const message = `the trail of session ${event.subject} is at version ${actual}, not ${expected}`
    throw new SwarmError('wrong_expected_version', message, { details: { sessionId: event.subject, expected, actual } })
  }

  async function* subscribe({ after, filter, once, signal }: Subscribe): AsyncGenerator<LogItem> {
    const head = log.length
    const aborted = () => signal?.aborted === true
    let cursor = after
    let caughtUp = false
    while (!aborted()) {
      const stored = once === true && cursor >= head ? undefined : log[cursor]
      if (stored !== undefined) {
        cursor += 1
        if (stored !== null && matches(stored, filter)) yield stored.item
      } else if (!caughtUp) {
        caughtUp = true
        yield { kind: 'caught_up', position: Math.max(head, cursor) }
      } else if (once === true) return
      else await grown.rung(signal)
    }
  }

  return {
    plant,
    lose,
    append,
    subscribe,
    read: async (sessionId, after = 0) => trail(sessionId).filter(({ position }) => position > after),
    walk: async (sessionId, take, after = 0) => {
      for (const item of trail(sessionId).slice()) if (item.position > after) take(item)
    },
    head: async () => log.length,
    positionAt: async (timeMs) => {
      const items = log.map((stored) => stored?.item)
      const last = items.findLast((item) => item?.kind === 'event' && toEpochMs(item.event.time) <= timeMs)
      return last?.position ?? 0
    },
    publishOutput(sessionId, stream, text) {
      for (const listener of listeners.get(sessionId) ?? []) listener({ stream, text })
    },
    followOutput(sessionId, signal) {
      const { take, outputs } = outputListener(signal, () => listeners.get(sessionId)?.delete(take))
      listeners.set(sessionId, (listeners.get(sessionId) ?? new Set()).add(take))
      return outputs()
    },
    reachable: () => true,
  }
}

function matches({ sessionId, noun }: Stored, filter: LogFilter = {}): boolean {
  if (filter.sessionId !== undefined && filter.sessionId !== sessionId) return false
  return filter.nouns === undefined || filter.nouns.includes(noun)
}

function outputListener(signal: AbortSignal, close: () => void) {
  const buffer: Output[] = []
  const arrived = bell()
  const take = (output: Output) => {
    buffer.push(output)
    if (buffer.length > bufferChunksMax) buffer.shift()
    arrived.ring()
  }
  async function* outputs(): AsyncGenerator<Output> {
    try {
      while (!signal.aborted) {
        const output = buffer.shift()
        if (output !== undefined) yield output
        else await arrived.rung(signal)
      }
    } finally {
      close()
    }
  }
  return { take, outputs }
}

/** Wakes all who wait, once each; an abort wakes its own waiter. */
function bell() {
  const waiting = new Set<() => void>()
  return {
    ring() {
      for (const wake of waiting) wake()
    },
    async rung(signal?: AbortSignal): Promise<void> {
      let wake = () => {}
      await new Promise<void>((resolve) => {
        wake = resolve
        waiting.add(wake)
        signal?.addEventListener('abort', wake)
      })
      waiting.delete(wake)
      signal?.removeEventListener('abort', wake)
    },
  }
}
