/** The event log on a NATS JetStream stream. */
import type { Sha256 } from '../../events/hash-chain.ts'
import type { Position } from '../../events/ids.ts'
import type { Names } from '../../events/subjects.ts'
import { toEpochMs } from '../../events/timestamp.ts'
import type { EventLog, LogEvent, LogParked } from '../../runtime/ports.ts'
import type { NatsLink } from './connection.ts'
import type { Append } from './log-append.ts'
import { checkedSession } from './log-filter.ts'
import { followOutput, publishOutput } from './log-output.ts'
import { logReader, type LogReader, type Recorded } from './log-reader.ts'
import { readLog } from './log-subscription.ts'
import { ANY_SUBJECT, type ItemOf } from './stored.ts'

export { ensureLogStream } from './log-stream.ts'

/**
 * The log of a namespace whose stream exists (see {@link ensureLogStream}). What reads and writes events is loaded with
 * the first of them, as it takes long: who looks where the log ends, or finds nothing new, is spared it.
 */
export function natsEventLog(link: NatsLink, names: Names, sha256: Sha256): EventLog {
  const reader = logReader(link, names)
  const items = once(async (): Promise<ItemOf> => {
    const { logItemOf } = await import('../../runtime/log-item.ts')
    return ({ subject, position, body }) => logItemOf({ names, sha256 }, subject, position, body)
  })
  const appender = once(async (): Promise<Append> => {
    const { logAppender } = await import('./log-append.ts')
    return logAppender(link, names, reader, await items())
  })
  const walk: EventLog['walk'] = (sessionId, take, after = 0) =>
    reader.all(names.trail(checkedSession(sessionId)), after, async (messages) => {
      const itemOf = await items()
      for (const stored of messages) take(itemOf(stored))
    })
  return {
    async read(sessionId, after) {
      const items: (LogEvent | LogParked)[] = []
      await walk(sessionId, (item) => items.push(item), after)
      return items
    },
    walk,
    async append(event, expected) {
      checkedSession(event.subject)
      return (await appender())(event, expected)
    },
    subscribe: (options) => readLog({ link, names, reader, items }, options),
    head: () => reader.end(),
    positionAt: (timeMs) => positionAt(reader, items, timeMs),
    publishOutput: (sessionId, stream, chunk) => publishOutput(link, names, checkedSession(sessionId), stream, chunk),
    followOutput: (sessionId, signal) => followOutput(link, names, checkedSession(sessionId), signal),
    reachable: () => link.connected(),
    async load() {
      await appender()
    },
  }
}

/** What was made is kept; what could not be made is tried again. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: T | undefined
  return async () => (made ??= await make())
}

/** Bisects the log, in which times grow with positions. */
async function positionAt(reader: LogReader, items: () => Promise<ItemOf>, timeMs: number): Promise<Position> {
  const itemOf = await items()
  let low = 0
  let high = await reader.end()
  while (low < high) {
    const middle = low + Math.ceil((high - low) / 2)
    const stored = await reader.next(ANY_SUBJECT, middle - 1)
    if (stored !== null && recordedAt(stored, itemOf(stored)) <= timeMs) low = middle
    else high = middle - 1
  }
  return low
}

/** The event's own time, so that an imported log keeps its past; the server's for a message that is no event. */
function recordedAt(stored: Recorded, item: ReturnType<ItemOf>): number {
  return item.kind === 'event' ? toEpochMs(item.event.time) : Date.parse(stored.recordedAt)
}
