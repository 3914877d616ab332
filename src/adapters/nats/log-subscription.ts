/**
 * One path for the past and the present: read behind the cursor until nothing is pending, wait for a nudge, read again.
 * The cursor only ever moves to a message that was read, so gaps and duplicates can't happen, whatever the connection does.
 */
import type { Position } from '../../events/ids.ts'
import type { Names } from '../../events/subjects.ts'
import { isSwarmError } from '../../runtime/errors.ts'
import type { LogItem, Subscribe } from '../../runtime/ports.ts'
import type { NatsLink } from './connection.ts'
import { asLogFault } from './log-errors.ts'
import { subjectFilter, type SubjectFilter } from './log-filter.ts'
import { ANY_SUBJECT, type Batch, type ItemOf, type LogReader } from './log-reader.ts'
import { logWake, type LogWake } from './log-wake.ts'

/** A nudge can get lost, e.g. while a cluster changes its leader; then a reader is late by this much. */
const checkMs = 5_000
const retryMs = 500
/** How often a reader with an end tries to reach the log before it gives up: about 10 s. */
const onceTriesMax = 20
/** A replica may not have yet what its leader has announced. */
const lagWaitMs = 50
const lagTriesMax = 40

/** The log of a namespace, as its readers need it. */
type Readable = { link: NatsLink; names: Names; reader: LogReader; itemOf: ItemOf }
type Reading = Readable & {
  filter: SubjectFilter
  wake: LogWake
  options: Subscribe
}

/**
 * Throws `not_authorized` or, when the connection was closed for good or with `once` could not be had for about 10 s,
 * `log_unreachable`.
 */
export async function* readLog(log: Readable, options: Subscribe): AsyncGenerator<LogItem> {
  const { link, names, itemOf } = log
  const { after, once, signal } = options
  const aborted = () => signal?.aborted === true
  if (aborted()) return
  const filter = subjectFilter(names, options.filter)
  const wake = openWake(link, names, filter, options)
  const reading = { ...log, filter, wake, options }
  try {
    const goal = await persistently(reading, () => goalOf(reading))
    let cursor = after
    let caughtUp = false
    let lagTries = 0
    let ahead: Ahead | null = null
    for (;;) {
      const reached: Reached = await (ahead ?? readAhead(reading, cursor, caughtUp))()
      const { heard, messages, pending } = reached
      const due = once === true ? messages.filter(({ position }) => position <= goal.head) : messages
      const goesOn = pending > 0 && due.length === messages.length
      // The server reads on while the consumer works on what is there.
      ahead = goesOn ? readAhead(reading, messages.at(-1)?.position ?? cursor, false) : null
      for (const message of due) {
        if (aborted()) return
        cursor = message.position
        // Decoded once, however many readers share the batch.
        if (filter.accepts(message.subject)) yield (message.item ??= itemOf(message))
      }
      if (aborted()) return
      if (goesOn) continue
      if (!caughtUp && cursor >= goal.last) {
        caughtUp = true
        yield { kind: 'caught_up', position: Math.max(goal.head, cursor) }
        if (once === true) return
      }
      lagTries = messages.length > 0 ? 0 : lagTries + 1
      const lags = !caughtUp || (heard > cursor && lagTries < lagTriesMax)
      await wake.wait(lags ? lagWaitMs : checkMs)
    }
  } catch (error) {
    // An abort interrupts whatever is under way; what that throws is how the reading ends, not a fault.
    if (!aborted()) throw error
  } finally {
    wake.close()
  }
}

function openWake(link: NatsLink, names: Names, filter: SubjectFilter, { once, signal }: Subscribe): LogWake {
  try {
    return logWake(link, names.stream, once === true ? [] : filter.live, signal)
  } catch (error) {
    throw asLogFault(error, names.stream)
  }
}

type Reached = Batch & { heard: Position }
type Ahead = () => Promise<Reached>

/**
 * Asks for the next batch at once; what became of it is told when it is called for. Only a reader that has caught up may
 * share another's read: before that, everything there when it asked has to be read after it asked.
 */
function readAhead(reading: Reading, cursor: Position, caughtUp: boolean): Ahead {
  const { reader, filter, wake, options } = reading
  const heard = wake.take()
  const read = () =>
    caughtUp && heard > cursor
      ? reader.batchHeardOf(heard, filter.read, cursor, options.signal)
      : reader.batch(filter.read, cursor, options.signal)
  const asked = Promise.allSettled([persistently(reading, read)])
  return async () => {
    const [result] = await asked
    if (result.status === 'rejected') throw result.reason
    return { ...result.value, heard }
  }
}

/** What the log held when the reader asked: its head, and (where a replica may not have it yet) the last message to come. */
async function goalOf({ link, reader, filter }: Reading): Promise<{ head: Position; last: Position }> {
  const last = link.clustered() ? await reader.last(filter.read) : null
  const head = await reader.last(ANY_SUBJECT)
  return { head: head?.position ?? 0, last: last?.position ?? 0 }
}

/** Repeats the work while the log can't be reached: a reader outlives its connections. */
async function persistently<T>({ link, wake, options }: Reading, work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work()
    } catch (error) {
      const over = link.closed() || options.signal?.aborted === true || (options.once === true && tries >= onceTriesMax)
      if (over || !isSwarmError(error, 'log_unreachable')) throw error
      await wake.wait(retryMs)
      wake.take()
    }
  }
}
