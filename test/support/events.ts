/** Sound events for tests: sealed into one hash chain per trail, with ids and times that are the same in every run. */
import { createHash } from 'node:crypto'
import { NO_HASH, type SwarmEvent } from '../../src/events/envelope.ts'
import { sealEvent, type Sha256 } from '../../src/events/hash-chain.ts'
import type { SessionFact } from '../../src/events/session-events.ts'
import { startInputSchema } from '../../src/events/start-input.ts'
import { toTimestamp } from '../../src/events/timestamp.ts'

export const sha256: Sha256 = (text) => createHash('sha256').update(text).digest('hex')

/** When the first event of every trail happens; each further one is a second later. */
export const FIRST_EVENT_MS = Date.UTC(2026, 0, 1)

export function startFact(sessionId: string): SessionFact {
  return { type: 'start.requested', data: startInputSchema.parse({ session_id: sessionId, task: 'count the files' }) }
}

export function progressFact(turnNumber = 1): SessionFact {
  const last_activity = toTimestamp(FIRST_EVENT_MS)
  return { type: 'turn.progressed', data: { turn_number: turnNumber, last_activity, stdout_bytes: 0, stderr_bytes: 0 } }
}

export const stopFact: SessionFact = { type: 'stop.requested', data: { by: 'test' } }
export const resumedFact: SessionFact = { type: 'session.resumed', data: { guidance: 'go on' } }

export type EventOptions = { id?: string; timeMs?: number; prevHash?: string; writer?: string }

export function eventOf(sessionId: string, fact: SessionFact, options: EventOptions = {}): SwarmEvent {
  const id = options.id ?? `${sessionId}-1`
  const seal = {
    id,
    source: options.writer ?? 'runner/test',
    sessionId,
    time: toTimestamp(options.timeMs ?? FIRST_EVENT_MS),
    correlationId: sessionId,
    causationId: id,
    prevHash: options.prevHash ?? NO_HASH,
  }
  return sealEvent(fact, seal, sha256)
}

/** Makes one trail's events one after the other. */
export function trailOf(sessionId: string, options: { writer?: string } = {}) {
  let count = 0
  let prevHash = NO_HASH
  /** The next event: `start.requested` first, then progress of a turn unless told otherwise. */
  function next(fact?: SessionFact): SwarmEvent {
    const what = fact ?? (count === 0 ? startFact(sessionId) : progressFact())
    const timeMs = FIRST_EVENT_MS + count * 1000
    count += 1
    const id = `${sessionId}-${options.writer ?? 'w'}-${count}`
    const event = eventOf(sessionId, what, { id, timeMs, prevHash, ...options })
    prevHash = event.hash
    return event
  }
  return { sessionId, next, events: (length: number) => Array.from({ length }, () => next()) }
}
