/**
 * Where a stream ends whose last message is lost. With what is left of it the server tells that to any reader; of a
 * stream that holds nothing at all, only to who may look at the stream itself.
 */
import type { NatsConnection } from '@nats-io/transport-node'
import type { Position } from '../../events/ids.ts'
import { isSwarmError } from '../../runtime/errors.ts'
import { asLogFault, unreachable } from './log-errors.ts'
import { anything, shaped, whole } from './shape.ts'

const requestMs = 5_000
/** At the end of an answer about the last messages of subjects; the client has no word for it. */
const STREAM_END = 'Nats-UpTo-Sequence'
const INFO = { state: anything }
const STATE = { last_seq: whole(0) }

/** Both throw what the client throws. */
export function streamEnd(nc: NatsConnection, stream: string) {
  let refused = false

  /** `subject`: that of any message that is there. */
  async function behind(subject: string): Promise<Position> {
    const query = JSON.stringify({ multi_last: [subject], batch: 1 })
    const options = { strategy: 'sentinel' as const, maxWait: requestMs }
    for await (const reply of await nc.requestMany(`$JS.API.DIRECT.GET.${stream}`, query, options)) {
      const end = Number(reply.headers?.last(STREAM_END) || 0)
      if (end > 0) return end
    }
    throw unreachable(`a read from the stream ${stream} got no answer in time`)
  }

  /** Of a stream in which nothing is; 0 when nothing ever was, and to who may not look. */
  async function ofNothing(): Promise<Position> {
    if (refused) return 0
    try {
      const reply = await nc.request(`$JS.API.STREAM.INFO.${stream}`, '', { timeout: requestMs })
      return shaped(STATE, shaped(INFO, reply.json())?.state)?.last_seq ?? 0
    } catch (error) {
      refused = isSwarmError(asLogFault(error, stream), 'not_authorized')
      if (refused) return 0
      throw error
    }
  }

  return { behind, ofNothing }
}
