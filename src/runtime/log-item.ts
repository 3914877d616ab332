/** From a stored message to what a reader of the log gets: the event, or why the message is none. */
import { decodeEvent } from '../events/catalog.ts'
import { type Envelope, recordedAt, type RecordedEvent } from '../events/envelope.ts'
import type { Position } from '../events/ids.ts'
import { hashOf, type Sha256 } from '../events/hash-chain.ts'
import { isCoordinators, nounOf } from '../events/session-events.ts'
import type { Names } from '../events/subjects.ts'
import type { LogEvent, LogItem, LogParked } from './ports.ts'

/** What it takes to read a namespace's log. */
export type Reading = { names: Names; sha256: Sha256 }

/**
 * Never throws. Parked too is a sound event that stands on another session's or noun's subject, as its writer had no
 * right to it, and an event of a coordinator whose hash is not that of its content: many may write those, and one that
 * was not sealed by us must not move a session. A runner's event is taken as it stands; `verify` proves all hashes.
 */
export function logItemOf(
  { names, sha256 }: Reading,
  subject: string,
  position: Position,
  body: string,
): LogEvent | LogParked {
  const decoded = decodeEvent(body)
  if (!decoded.ok) {
    return { kind: 'parked', position, subject, code: decoded.code, reason: decoded.reason, body }
  }
  const { event, stored } = decoded
  if (!names.isEvent(subject, event.subject, nounOf(event.type))) {
    const reason = `an event ${event.type} of session ${event.subject} does not belong on ${subject}`
    return { kind: 'parked', position, subject, code: 'event_schema', reason, body }
  }
  if (isCoordinators(event.type) && !isSealed(stored, sha256, body)) {
    const reason = `the hash of ${event.type} is not that of its content`
    return { kind: 'parked', position, subject, code: 'event_schema', reason, body }
  }
  return { kind: 'event', event, position, body, stored }
}

/** The event of an item with its place in the log; null for what is none. */
export function recorded(item: LogItem): RecordedEvent | null {
  return item.kind === 'event' ? recordedAt(item.position, item.event) : null
}

function isSealed(stored: Envelope, sha256: Sha256, body: string): boolean {
  try {
    return hashOf(stored, sha256, body) === stored.hash
  } catch {
    // Text that is no valid Unicode has no canonical form, and so no hash.
    return false
  }
}
