/** Messages as the stream stores them, from what the server answers to a direct get. */
import type { Msg } from '@nats-io/transport-node'
import type { Position } from '../../events/ids.ts'
import type { LogEvent, LogItem, LogParked } from '../../runtime/ports.ts'
import { STORED } from './jetstream.ts'
import { unreachable } from './log-errors.ts'
import { headerBlock, lastHeader } from './message-headers.ts'

/** `item`: what the body was decoded to, once somebody has. */
export type Stored = { position: Position; subject: string; body: string; item: LogItem | null }
/** What a stored message is to a reader of the log. */
export type ItemOf = (stored: Stored) => LogEvent | LogParked
/** `pending`: how many messages of the filter lie behind these. */
export type Batch = { messages: Stored[]; pending: number }

/** The filter of all subjects of the stream; cheapest for the server. */
export const ANY_SUBJECT = '>'

const text = new TextDecoder()

export function bodyOf(data: Uint8Array): string {
  return text.decode(data)
}

/** Null for a status ("not found", "end of batch"); the server's own header tells a stored message from one. */
export function storedOf(reply: Msg): Stored | null {
  const { data } = reply
  const block = headerBlock(reply, data)
  const position = Number(lastHeader(reply, block, STORED.sequence) || 0)
  if (position === 0) {
    const code = reply.headers?.code ?? 0
    if (code === 204 || code === 404) return null
    throw unreachable(`the server refuses a read: ${reply.headers?.description ?? 'unexpected reply'} (${code})`)
  }
  const subject = lastHeader(reply, block, STORED.subject)
  return { position, subject, body: bodyOf(data), item: null }
}

/** When the server stored it, RFC 3339. */
export function timeOf(reply: Msg): string {
  return reply.headers?.last(STORED.time) ?? ''
}

/**
 * A batch ends with a status message without a body, which ends the request. A stored message without a body ends it
 * too: then its own count says that more is pending, and the next batch goes on behind it.
 */
export async function batchOf(replies: AsyncIterable<Msg>, stream: string): Promise<Batch> {
  const messages: Stored[] = []
  for await (const reply of replies) {
    const message = storedOf(reply)
    if (message !== null) messages.push(message)
    if (reply.data.length === 0) {
      return { messages, pending: Number(reply.headers?.last(STORED.pending) || 0) }
    }
  }
  throw unreachable(`a read from the stream ${stream} got no answer in time`)
}
