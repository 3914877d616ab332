/**
 * Reads stored messages by direct get: no consumer, no state on the server, no right needed but to read.
 * In a cluster any replica may answer, perhaps a lagging one: what it says is true, but may end early. Questions whose
 * answer must not be old go to the stream's leader there.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { DirectMsgHeaders, type StoredMsg } from '@nats-io/jetstream'
import type { Msg } from '@nats-io/transport-node'
import type { Position } from '../../events/ids.ts'
import type { Names } from '../../events/subjects.ts'
import { readFromLeader } from './leader-read.ts'
import { asLogFault, unreachable } from './log-errors.ts'
import { whileConnected } from './log-interrupt.ts'
import type { LogEvent, LogItem, LogParked } from '../../runtime/ports.ts'
import type { NatsLink } from './connection.ts'

const requestMs = 5_000
const batchMessagesMax = 1_000
const batchBytesMax = 2_097_152
const lagWaitMs = 50
const lagTriesMax = 100

/** `recordedAt`: by the server's clock, RFC 3339. `item`: what the body was decoded to, once somebody has. */
export type Stored = { position: Position; subject: string; body: string; recordedAt: string; item: LogItem | null }
/** What a stored message is to a reader of the log. */
export type ItemOf = (stored: Stored) => LogEvent | LogParked
/** The first message of a filter from a sequence on, or the last of a filter. */
type Query = { seq: number; next_by_subj: string } | { last_by_subj: string }
/** `pending`: how many messages of the filter lie behind these. */
export type Batch = { messages: Stored[]; pending: number }
/** All subjects of the stream; cheapest for the server. */
export const ANY_SUBJECT = '>'

export type LogReader = ReturnType<typeof logReader>

/** All functions throw `log_unreachable` (at once when the connection is lost) and `not_authorized`. */
export function logReader(link: NatsLink, names: Names) {
  const direct = `$JS.API.DIRECT.GET.${names.stream}`

  async function guard<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      return await whileConnected(link, work, signal)
    } catch (error) {
      throw asLogFault(error, names.stream)
    }
  }

  async function ask(query: Query): Promise<Stored | null> {
    return guard(async () => {
      const reply = await link.nc.request(direct, JSON.stringify(query), { timeout: requestMs })
      return storedOf(reply)
    })
  }

  async function askLeader(query: Query): Promise<Stored | null> {
    return guard(async () => {
      const message = await readFromLeader(link.nc, names.stream, query, requestMs)
      return message === null ? null : fromLeader(message)
    })
  }

  const current = (query: Query) => (link.clustered() ? askLeader(query) : ask(query))

  /** Up to 1000 messages (2 MiB) of a filter after a position. */
  async function batch(filter: string, after: Position, signal?: AbortSignal): Promise<Batch> {
    const query = { seq: after + 1, batch: batchMessagesMax, max_bytes: batchBytesMax, next_by_subj: filter }
    return guard(async () => {
      const options = { strategy: 'sentinel' as const, maxWait: requestMs }
      return collect(await link.nc.requestMany(direct, JSON.stringify(query), options), names.stream)
    }, signal)
  }

  const asked = new Map<string, { heard: Position; answer: Promise<Batch> }>()

  /**
   * The batch that a nudge told of, read once for all readers of this process that stand at the same place. A read that
   * was asked for when at least as much had been heard of has all that this reader knows to be there.
   */
  async function batchHeardOf(heard: Position, filter: string, after: Position, signal?: AbortSignal): Promise<Batch> {
    const key = `${after} ${filter}`
    const earlier = asked.get(key)
    if (earlier !== undefined && earlier.heard >= heard) return guard(() => earlier.answer, signal)
    const mine = { heard, answer: batch(filter, after) }
    asked.set(key, mine)
    const forget = () => {
      if (asked.get(key) === mine) asked.delete(key)
    }
    mine.answer.then(forget, forget)
    return guard(() => mine.answer, signal)
  }

  /** The first message of a filter after a position, as the stream stands now. */
  const next = (filter: string, after: Position) => current({ seq: after + 1, next_by_subj: filter })
  /** The last message of a filter, as the stream stands now. */
  const last = (filter: string) => current({ last_by_subj: filter })
  /** The first message there is, from any replica: costs least, shows that the stream is there. */
  const first = () => ask({ seq: 1, next_by_subj: ANY_SUBJECT })

  /** All messages of a filter after a position, no less than the stream holds when called. */
  async function all(filter: string, after: Position): Promise<Stored[]> {
    const messages: Stored[] = []
    let cursor = after
    for (let tries = 0; tries < lagTriesMax; tries++) {
      const newer = await drain(filter, cursor)
      messages.push(...newer)
      cursor = newer.at(-1)?.position ?? cursor
      if (!link.clustered() || cursor >= ((await last(filter))?.position ?? 0)) return messages
      await delay(lagWaitMs)
    }
    throw unreachable(`a replica of the stream ${names.stream} does not catch up`)
  }

  async function drain(filter: string, after: Position): Promise<Stored[]> {
    const messages: Stored[] = []
    for (;;) {
      const part = await batch(filter, messages.at(-1)?.position ?? after)
      messages.push(...part.messages)
      if (part.pending === 0) return messages
    }
  }

  return { batch, batchHeardOf, next, last, first, all }
}

/**
 * A batch ends with a status message without a body, which ends the request. A stored message without a body ends it
 * too: then its own count says that more is pending, and the next batch goes on behind it.
 */
async function collect(replies: AsyncIterable<Msg>, stream: string): Promise<Batch> {
  const messages: Stored[] = []
  for await (const reply of replies) {
    const message = storedOf(reply)
    if (message !== null) messages.push(message)
    if (reply.data.length === 0) return { messages, pending: numberIn(reply, DirectMsgHeaders.NumPending) }
  }
  throw unreachable(`a read from the stream ${stream} got no answer in time`)
}

const text = new TextDecoder()

/** Null for a status ("not found", "end of batch"); the server's own header tells a stored message from one. */
function storedOf(reply: Msg): Stored | null {
  const position = numberIn(reply, DirectMsgHeaders.Sequence)
  if (position === 0) {
    const code = reply.headers?.code ?? 0
    if (code === 204 || code === 404) return null
    throw unreachable(`the server refuses a read: ${reply.headers?.description ?? 'unexpected reply'} (${code})`)
  }
  const subject = reply.headers?.last(DirectMsgHeaders.Subject) ?? ''
  const recordedAt = reply.headers?.last(DirectMsgHeaders.TimeStamp) ?? ''
  return { position, subject, body: text.decode(reply.data), recordedAt, item: null }
}

/** The last value counts: it is the server's, whatever headers the writer gave. */
function numberIn(reply: Msg, header: string): number {
  return Number(reply.headers?.last(header) || 0)
}

function fromLeader(message: StoredMsg): Stored {
  return {
    position: message.seq,
    subject: message.subject,
    body: text.decode(message.data),
    recordedAt: message.time.toISOString(),
    item: null,
  }
}
