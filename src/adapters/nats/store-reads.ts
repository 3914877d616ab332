/** Reads of stored messages without a consumer: direct get, which needs the right to read and nothing else. */
import { errors, type Msg, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node'
import { isSwarmError } from '../../runtime/errors.ts'
import { STORED } from './jetstream.ts'
import { readFromLeader } from './leader-read.ts'
import { asLogFault, unreachable } from './log-errors.ts'

export const storeRequestMs = 5_000
const batchMessagesMax = 1_000
const batchBytesMax = 4 * 1024 * 1024
/** The server answers for 1024 at most, and a request has to fit into one message. */
const subjectsAtOnce = 500
const subjectCharsAtOnce = 256 * 1024

export type StoredMessage = { subject: string; sequence: number; data: Uint8Array; headers: MsgHdrs | undefined }

/**
 * The last message of a subject, or null. In a cluster the stream's leader is asked, because a replica may lag; a user
 * without the right to ask it gets the replica's answer.
 */
export async function readLast(nc: NatsConnection, stream: string, subject: string): Promise<StoredMessage | null> {
  if (nc.info?.cluster === undefined) return readDirect(nc, stream, subject)
  try {
    const found = await readFromLeader(nc, stream, { last_by_subj: subject }, storeRequestMs)
    return found && { subject, sequence: found.seq, data: found.data, headers: found.header }
  } catch (error) {
    const fault = asLogFault(error, stream)
    if (isSwarmError(fault, 'not_authorized')) return readDirect(nc, stream, subject)
    throw fault
  }
}

/** The last messages of many subjects, of those that have one, in no particular order; as current as `readLast`. */
export async function readLasts(
  nc: NatsConnection,
  stream: string,
  subjects: readonly string[],
): Promise<StoredMessage[]> {
  if (nc.info?.cluster !== undefined) {
    const found = await Promise.all(subjects.map((subject) => readLast(nc, stream, subject)))
    return found.filter((message) => message !== null)
  }
  const found: StoredMessage[] = []
  for (const some of requestsOf(subjects)) {
    for await (const message of readPages(nc, stream, { multi_last: some }, 1)) found.push(message)
  }
  return found
}

function requestsOf(subjects: readonly string[]): string[][] {
  const requests: string[][] = []
  let chars = 0
  for (const subject of subjects) {
    chars += subject.length
    const last = requests.at(-1)
    if (last !== undefined && last.length < subjectsAtOnce && chars <= subjectCharsAtOnce) last.push(subject)
    else {
      requests.push([subject])
      chars = subject.length
    }
  }
  return requests
}

/** All messages of a filter from a sequence on, page by page. */
export function readAll(nc: NatsConnection, stream: string, filter: string, from = 1): AsyncGenerator<StoredMessage> {
  return readPages(nc, stream, { batch: batchMessagesMax, next_by_subj: filter }, from)
}

async function* readPages(
  nc: NatsConnection,
  stream: string,
  query: object,
  from: number,
): AsyncGenerator<StoredMessage> {
  let pending = 1
  for (let next = from; pending > 0; ) {
    const page = await readPage(nc, stream, { ...query, seq: next, max_bytes: batchBytesMax })
    yield* page.messages
    pending = page.pending
    next = (page.messages.at(-1)?.sequence ?? next) + 1
  }
}

/** Whether the server had nobody to answer: the stream doesn't exist, or has no leader now. */
export function nobodyAnswered(error: unknown): boolean {
  if (error instanceof errors.NoRespondersError) return true
  return error instanceof Error && error.cause !== undefined && nobodyAnswered(error.cause)
}

async function readDirect(nc: NatsConnection, stream: string, subject: string): Promise<StoredMessage | null> {
  try {
    // With the subject in the request's own subject, the server's permissions can tell keys apart.
    return storedIn(await nc.request(`$JS.API.DIRECT.GET.${stream}.${subject}`, '', { timeout: storeRequestMs }))
  } catch (error) {
    throw asLogFault(error, stream)
  }
}

async function readPage(nc: NatsConnection, stream: string, query: object) {
  const messages: StoredMessage[] = []
  try {
    const options = { strategy: 'sentinel' as const, maxWait: storeRequestMs }
    for await (const reply of await nc.requestMany(`$JS.API.DIRECT.GET.${stream}`, JSON.stringify(query), options)) {
      const message = storedIn(reply)
      if (message !== null) messages.push(message)
      // A status without a body ends a page. So does a stored message without one (a deleted key): then it says how
      // many more there are, and the next page goes on behind it.
      if (reply.data.length === 0) return { messages, pending: numberIn(reply, STORED.pending) }
    }
  } catch (error) {
    throw asLogFault(error, stream)
  }
  throw unreachable(`a read from ${stream} got no answer in time`)
}

/** Null for "not found" and "end of page". Only the server's own headers count, and those come last. */
function storedIn(reply: Msg): StoredMessage | null {
  const sequence = numberIn(reply, STORED.sequence)
  if (sequence > 0) {
    const subject = reply.headers?.last(STORED.subject) ?? ''
    return { subject, sequence, data: reply.data, headers: reply.headers }
  }
  const code = reply.headers?.code ?? 0
  if (code === 204 || code === 404) return null
  throw unreachable(`the server refuses a read: ${reply.headers?.description ?? 'unexpected reply'} (${code})`)
}

function numberIn(reply: Msg, header: string): number {
  return Number(reply.headers?.last(header) || 0)
}
