/**
 * Reads stored messages: by direct get, which needs no state on the server and no right but to read, and what is many in
 * bulk where this user may. In a cluster any replica may answer, perhaps a lagging one: what it says is true, but may end
 * early. Questions whose answer must not be old go to the stream's leader there.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { StoredMsg } from '@nats-io/jetstream'
import type { Position } from '../../events/ids.ts'
import type { Names } from '../../events/subjects.ts'
import type { NatsLink } from './connection.ts'
import { readFromLeader } from './leader-read.ts'
import { bulkReader, type BulkRead } from './log-bulk.ts'
import { asLogFault, unreachable } from './log-errors.ts'
import { whileConnected } from './log-interrupt.ts'
import { streamEnd } from './stream-end.ts'
import { ANY_SUBJECT, batchOf, bodyOf, storedOf, timeOf, type Batch, type Stored } from './stored.ts'

const requestMs = 5_000
/** A first look tells how much there is. Most trails are not longer. */
const firstMessagesMax = 32
const batchMessagesMax = 1_000
const batchBytesMax = 2_097_152
/** So many more are worth a consumer. */
const bulkMessagesMin = 512
const lagWaitMs = 50
const lagTriesMax = 100

/** The first message of a filter from a sequence on, or the last of a filter. */
type Query = { seq: number; next_by_subj: string } | { last_by_subj: string }
/** `recordedAt`: by the server's clock, RFC 3339. */
export type Recorded = Stored & { recordedAt: string }
/** Reads a filter on and on. What was given out is behind it. */
export type LogRun = {
  /** The messages after a position, which is that of the last one given out; `pending` is 0 when there are no more now. */
  next(after: Position, signal?: AbortSignal): Promise<Batch>
  close(): void
}
export type LogReader = ReturnType<typeof logReader>

/** All functions throw `log_unreachable` (at once when the connection is lost) and `not_authorized`. */
export function logReader(link: NatsLink, names: Names) {
  const direct = `$JS.API.DIRECT.GET.${names.stream}`
  const bulk = bulkReader(link, names.stream)
  const lostEnd = streamEnd(link.nc, names.stream)

  async function guard<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      return await whileConnected(link, work, signal)
    } catch (error) {
      throw asLogFault(error, names.stream)
    }
  }

  async function ask(query: Query): Promise<Recorded | null> {
    return guard(async () => {
      const reply = await link.nc.request(direct, JSON.stringify(query), { timeout: requestMs })
      const stored = storedOf(reply)
      return stored === null ? null : { ...stored, recordedAt: timeOf(reply) }
    })
  }

  async function askLeader(query: Query): Promise<Recorded | null> {
    return guard(async () => {
      const message = await readFromLeader(link.nc, names.stream, query, requestMs)
      return message === null ? null : fromLeader(message)
    })
  }

  const current = (query: Query) => (link.clustered() ? askLeader(query) : ask(query))

  /** Up to 2 MiB of messages of a filter after a position. */
  async function batch(filter: string, after: Position, count: number, signal?: AbortSignal): Promise<Batch> {
    const query = { seq: after + 1, batch: count, max_bytes: batchBytesMax, next_by_subj: filter }
    return guard(async () => {
      const options = { strategy: 'sentinel' as const, maxWait: requestMs }
      return batchOf(await link.nc.requestMany(direct, JSON.stringify(query), options), names.stream)
    }, signal)
  }

  function run(filter: string): LogRun {
    let pending = 0
    let stream: Promise<BulkRead | null> | null = null
    let isClosed = false

    const end = () => {
      void stream?.then((opened) => opened?.close())
      stream = null
    }
    /** Null when nothing is to be had so, or not any more. */
    async function inBulk(signal: AbortSignal | undefined): Promise<Batch | null> {
      let part: Batch | null = null
      try {
        part = await guard(async () => (await (await stream)?.next()) ?? null, signal)
      } finally {
        if (part === null || part.pending === 0) end()
      }
      // Whether that was all, a direct get shall say.
      return part === null ? null : { ...part, pending: Math.max(part.pending, 1) }
    }
    return {
      async next(after, signal) {
        const streamed = stream === null ? null : await inBulk(signal)
        if (streamed !== null) return streamed
        const count = pending === 0 ? firstMessagesMax : batchMessagesMax
        const part = await batch(filter, after, count, signal)
        pending = part.pending
        // Made and asked while these are worked on.
        if (pending >= bulkMessagesMin && !isClosed) stream = bulk.open([filter], endOf(part, after))
        return part
      },
      close() {
        isClosed = true
        end()
      },
    }
  }

  /** The first message of a filter after a position, as the stream stands now. */
  const next = (filter: string, after: Position) => current({ seq: after + 1, next_by_subj: filter })
  /** The last message of a filter, as the stream stands now. */
  const last = (filter: string) => current({ last_by_subj: filter })
  /** The first message there is, from any replica: costs least, shows that the stream is there. */
  const first = () => ask({ seq: 1, next_by_subj: ANY_SUBJECT })

  /** The stream's last position, as it stands now: that of its last message, also of one that is lost since. */
  async function end(): Promise<Position> {
    const there = await last(ANY_SUBJECT)
    if (there !== null) return there.position
    const left = await first()
    return guard(() => (left === null ? lostEnd.ofNothing() : lostEnd.behind(left.subject)))
  }

  /** All messages of a filter after a position, no less than the stream holds when called, given to `take` in order. */
  async function all(
    filter: string,
    after: Position,
    take: (messages: readonly Stored[]) => Promise<void>,
  ): Promise<void> {
    const reading = run(filter)
    try {
      let cursor = after
      for (let tries = 0; tries < lagTriesMax; ) {
        const part = await reading.next(cursor)
        if (part.messages.length > 0) await take(part.messages)
        cursor = endOf(part, cursor)
        if (part.pending > 0) continue
        if (!link.clustered() || cursor >= ((await last(filter))?.position ?? 0)) return
        tries += 1
        await delay(lagWaitMs)
      }
      throw unreachable(`a replica of the stream ${names.stream} does not catch up`)
    } finally {
      reading.close()
    }
  }

  /** Messages of these subjects (none: all) after a position as they are stored, without being asked for each time; null when that can't be had. */
  const follow = (subjects: readonly string[], after: Position) => bulk.open(subjects, after)

  return { run, follow, next, last, first, end, all }
}

function endOf({ messages }: Batch, after: Position): Position {
  return messages.at(-1)?.position ?? after
}

function fromLeader(message: StoredMsg): Recorded {
  return {
    position: message.seq,
    subject: message.subject,
    body: bodyOf(message.data),
    recordedAt: message.time.toISOString(),
    item: null,
  }
}
