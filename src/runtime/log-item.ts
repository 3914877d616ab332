/** From a stored message to what a reader of the log gets: the event, or why the message is none. */
import { decodeEvent } from '../events/catalog.ts'
import type { Position } from '../events/ids.ts'
import { nounOf } from '../events/session-events.ts'
import type { Names } from '../events/subjects.ts'
import type { LogEvent, LogParked } from './ports.ts'

/** Never throws. A sound event that stands on another session's or noun's subject is parked too: its writer had no right to it. */
export function logItemOf(names: Names, subject: string, position: Position, body: string): LogEvent | LogParked {
  const decoded = decodeEvent(body)
  if (!decoded.ok) {
    return { kind: 'parked', position, subject, code: decoded.code, reason: decoded.reason, body }
  }
  const { event } = decoded
  if (names.event(event.subject, nounOf(event.type)) !== subject) {
    const reason = `an event ${event.type} of session ${event.subject} does not belong on ${subject}`
    return { kind: 'parked', position, subject, code: 'event_schema', reason, body }
  }
  return { kind: 'event', event, position, body }
}
