/**
 * JetStream beyond plain requests. Its client is loaded when it is first needed: most commands only read, which takes
 * plain requests. The compiler holds the server's words that are needed without it to those of the client.
 */
import type {
  DirectMsgHeaders,
  JetStreamApiCodes,
  JetStreamClient,
  JetStreamManager,
  JetStreamManagerOptions,
  JsHeaders,
  PubHeaders,
} from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'

/** Headers of a stored message, as a direct get or republishing gives it. */
export const STORED = {
  sequence: 'Nats-Sequence',
  subject: 'Nats-Subject',
  time: 'Nats-Time-Stamp',
  pending: 'Nats-Num-Pending',
} as const satisfies Record<string, DirectMsgHeaders>

/** Headers of a write that depends on the last sequence, of the stream or of the message's subject. */
export const EXPECTED = {
  last: 'Nats-Expected-Last-Sequence',
  lastOfSubject: 'Nats-Expected-Last-Subject-Sequence',
} as const satisfies Record<string, PubHeaders>

/** The header of a write that replaces what there is, and its value for all of the message's subject. */
export const ROLLUP = { header: 'Nats-Rollup', subject: 'sub' } as const satisfies Record<string, JsHeaders>

/** How many messages of a pull were not given when it ended. */
export const PULL_LEFT: JsHeaders = 'Nats-Pending-Messages'

export const API_CODES = {
  wrongLastSequence: 10071,
  wrongLastSequenceUnknown: 10164,
} as const satisfies Record<string, JetStreamApiCodes>

/** The server's code of an error of the JetStream client; null for any other error. */
export function apiCodeOf(error: unknown): number | null {
  return error instanceof Error && 'apiError' in error && 'code' in error ? Number(error.code) : null
}

/** Once it is there nothing waits for it any more, so what is published first is sent first, whoever publishes it. */
let client: Awaited<ReturnType<typeof load>> | undefined
const load = () => import('@nats-io/jetstream')

/** What publishes with an acknowledgement. */
export function publisher(nc: NatsConnection, timeoutMs: number): () => Promise<JetStreamClient> {
  let made: JetStreamClient | undefined
  return async () => {
    client ??= await load()
    return (made ??= client.jetstream(nc, { timeout: timeoutMs }))
  }
}

/** What makes and asks for streams and consumers. */
export async function manager(nc: NatsConnection, options: JetStreamManagerOptions = {}): Promise<JetStreamManager> {
  client ??= await load()
  return client.jetstreamManager(nc, { checkAPI: false, ...options })
}
