/** The event log on a NATS JetStream stream. */
import type { Position } from '../../events/ids.ts'
import type { Names } from '../../events/subjects.ts'
import { toEpochMs } from '../../events/timestamp.ts'
import { logItemOf } from '../../runtime/log-item.ts'
import type { EventLog } from '../../runtime/ports.ts'
import type { NatsLink } from './connection.ts'
import { logAppender } from './log-append.ts'
import { checkedSession } from './log-filter.ts'
import { followOutput, publishOutput } from './log-output.ts'
import { ANY_SUBJECT, logReader, type LogReader, type Stored } from './log-reader.ts'
import { readLog } from './log-subscription.ts'

export { ensureLogStream } from './log-stream.ts'

/** The log of a namespace whose stream exists (see {@link ensureLogStream}). */
export function natsEventLog(link: NatsLink, names: Names): EventLog {
  const reader = logReader(link, names)
  const append = logAppender(link, names, reader)
  return {
    async read(sessionId, after = 0) {
      const stored = await reader.all(names.trail(checkedSession(sessionId)), after)
      return stored.map(({ subject, position, body }) => logItemOf(names, subject, position, body))
    },
    async append(event, expected) {
      checkedSession(event.subject)
      return append(event, expected)
    },
    subscribe: (options) => readLog(link, names, reader, options),
    head: async () => (await reader.last(ANY_SUBJECT))?.position ?? 0,
    positionAt: (timeMs) => positionAt(names, reader, timeMs),
    publishOutput: (sessionId, stream, chunk) => publishOutput(link, names, checkedSession(sessionId), stream, chunk),
    followOutput: (sessionId, signal) => followOutput(link, names, checkedSession(sessionId), signal),
    reachable: () => link.connected(),
  }
}

/** Bisects the log: positions have no gaps in the whole stream, as nothing is ever deleted, and times grow with them. */
async function positionAt(names: Names, reader: LogReader, timeMs: number): Promise<Position> {
  let low = 0
  let high = (await reader.last(ANY_SUBJECT))?.position ?? 0
  while (low < high) {
    const middle = low + Math.ceil((high - low) / 2)
    const stored = await reader.next(ANY_SUBJECT, middle - 1)
    if (stored !== null && recordedAt(names, stored) <= timeMs) low = middle
    else high = middle - 1
  }
  return low
}

/** The event's own time, so that an imported log keeps its past; the server's for a message that is no event. */
function recordedAt(names: Names, { subject, position, body, recordedAt: stored }: Stored): number {
  const item = logItemOf(names, subject, position, body)
  return item.kind === 'event' ? toEpochMs(item.event.time) : Date.parse(stored)
}
