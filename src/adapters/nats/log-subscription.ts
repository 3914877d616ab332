/**
 * One path for the past and the present: read behind the cursor until nothing is pending, then take what is read of the
 * live end. The cursor only ever moves to where everything has been read, so gaps and duplicates can't happen, whatever
 * the connection does.
 */
import type { Position } from '../../events/ids.ts'
import type { Names } from '../../events/subjects.ts'
import { isSwarmError } from '../../runtime/errors.ts'
import type { LogCaughtUp, LogItems, Subscribe } from '../../runtime/ports.ts'
import type { NatsLink } from './connection.ts'
import { asLogFault } from './log-errors.ts'
import { subjectFilter, type SubjectFilter } from './log-filter.ts'
import { pause } from './log-interrupt.ts'
import type { LogReader, LogRun } from './log-reader.ts'
import { joinTail, type LogTail } from './log-tail.ts'
import { oneByOne } from './one-by-one.ts'
import type { Batch, ItemOf, Stored } from './stored.ts'

const retryMs = 500
/** How often a reader with an end tries to reach the log before it gives up: about 10 s. */
const onceTriesMax = 20
/** A replica may not have yet what the leader has. */
const lagWaitMs = 50

/** The log of a namespace, as its readers need it. */
type Readable = { link: NatsLink; names: Names; reader: LogReader; items: () => Promise<ItemOf> }
/** `decodable`: returns the messages once what decodes them is loaded. */
type Decoding = Readable & { decodable: (messages: readonly Stored[]) => Promise<readonly Stored[]> }
type Reading = Decoding & {
  filter: SubjectFilter
  options: Subscribe
}

/**
 * Throws `not_authorized` or, when the connection was closed for good or with `once` could not be had for about 10 s,
 * `log_unreachable`.
 */
export function readLog(log: Readable, options: Subscribe): LogItems {
  let itemOf: ItemOf | undefined
  const decodable = async (messages: readonly Stored[]) => {
    itemOf ??= await log.items()
    return messages
  }
  return oneByOne(messagesOf({ ...log, decodable }, options), (message) => {
    if (options.signal?.aborted === true) return null
    if ('kind' in message) return message
    // Decoded once, however many readers share the message; none is given out before what decodes them is loaded.
    return (message.item ??= (itemOf as ItemOf)(message))
  })
}

type Messages = readonly (Stored | LogCaughtUp)[]

async function* messagesOf(log: Decoding, options: Subscribe): AsyncGenerator<Messages, void> {
  const { once, signal, after } = options
  const aborted = () => signal?.aborted === true
  if (aborted()) return
  const reading = { ...log, filter: subjectFilter(log.names, options.filter), options }
  // Before anything is read, so that what comes meanwhile is heard.
  const tail = once === true ? null : listen(reading)
  try {
    let cursor = yield* catchUp(reading, after)
    yield [{ kind: 'caught_up', position: cursor }]
    if (tail === null) return
    while (!aborted()) {
      const messages = await tail.after(cursor)
      if (messages === null) cursor = yield* catchUp(reading, cursor)
      else if (messages.length > 0) {
        cursor = messages.at(-1)?.position ?? cursor
        yield await wantedOf(reading, messages)
      }
    }
  } catch (error) {
    // An abort interrupts whatever is under way; what that throws is how the reading ends, not a fault.
    if (!aborted()) throw error
  } finally {
    tail?.leave()
  }
}

function listen({ link, names, reader, filter, options }: Reading): LogTail {
  try {
    return joinTail(link, names.stream, reader, filter, options.signal)
  } catch (error) {
    throw asLogFault(error, names.stream)
  }
}

/** Gives all there is after a position, and at last the position up to which that is all. */
async function* catchUp(reading: Reading, after: Position): AsyncGenerator<Messages, Position> {
  const { link, reader, filter, options } = reading
  const { once, signal } = options
  const aborted = () => signal?.aborted === true
  const goal = await persistently(reading, () => goalOf(reading))
  const run = reader.run(filter.read)
  let cursor = after
  try {
    let ahead: Ahead | null = null
    while (!aborted()) {
      const asked: Ahead = ahead ?? readAhead(reading, run, cursor)
      const { messages, pending } = await asked()
      const due = once === true ? messages.filter(({ position }) => position <= goal.head) : messages
      const goesOn = pending > 0 && due.length === messages.length
      cursor = due.at(-1)?.position ?? cursor
      // The server reads on while the consumer works on what is there.
      ahead = goesOn ? readAhead(reading, run, cursor) : null
      if (due.length > 0) yield await wantedOf(reading, due)
      if (goesOn) continue
      if ((messages.at(-1)?.position ?? cursor) >= goal.last) return Math.max(goal.head, cursor)
      await pause(link, lagWaitMs, signal)
    }
    return cursor
  } finally {
    run.close()
  }
}

/** What was asked for among messages that were read. */
function wantedOf({ filter, decodable }: Reading, messages: readonly Stored[]): Promise<readonly Stored[]> {
  return decodable(messages.filter(({ subject }) => filter.accepts(subject)))
}

type Ahead = () => Promise<Batch>

/** Asks for what comes next at once; what became of it is told when it is called for. */
function readAhead(reading: Reading, run: LogRun, cursor: Position): Ahead {
  const asked = Promise.allSettled([persistently(reading, () => run.next(cursor, reading.options.signal))])
  return async () => {
    const [result] = await asked
    if (result.status === 'rejected') throw result.reason
    return result.value
  }
}

/**
 * What the log held when the reader asked: its head, and (where a replica may not have it yet) the last message to come
 * up to there; of what lies behind the head anything shows that all before it has come. The head is asked for first, as
 * what is appended in between must not be taken for read.
 */
async function goalOf({ link, reader, filter }: Reading): Promise<{ head: Position; last: Position }> {
  const head = await reader.end()
  const last = link.clustered() ? await reader.last(filter.read) : null
  return { head, last: Math.min(last?.position ?? 0, head + 1) }
}

/** Repeats the work while the log can't be reached: a reader outlives its connections. */
async function persistently<T>({ link, options }: Reading, work: () => Promise<T>): Promise<T> {
  const { once, signal } = options
  for (let tries = 1; ; tries++) {
    try {
      return await work()
    } catch (error) {
      const over = link.closed() || signal?.aborted === true || (once === true && tries >= onceTriesMax)
      if (over || !isSwarmError(error, 'log_unreachable')) throw error
      await pause(link, retryMs, signal)
    }
  }
}
