/** The streams behind buckets, made when they are first used. */
import type { StreamConfig } from '@nats-io/jetstream'
import { nanos, type NatsConnection } from '@nats-io/transport-node'
import { isSwarmError } from '../../runtime/errors.ts'
import { apiCodeOf, manager } from './jetstream.ts'
import { asLogFault } from './log-errors.ts'
import { nobodyAnswered, storeRequestMs } from './store-reads.ts'

const NAME_IN_USE = 10058

export type StoreStream = Partial<StreamConfig> & { name: string }

/**
 * A function that makes sure that the stream exists, once. False when it doesn't and this user may not make it: readers
 * then find nothing. Throws `log_unreachable`.
 */
export function lazyStream(nc: NatsConnection, config: StoreStream): () => Promise<boolean> {
  let ready: Promise<boolean> | undefined
  const forget = () => {
    ready = undefined
  }
  return async () => {
    ready ??= ensure(nc, config)
    ready.then((exists) => exists || forget(), forget)
    return ready
  }
}

/** What the read says, or `missing` when nobody has made the stream and this user may not make it. */
export async function orMissing<T>(ensured: () => Promise<boolean>, read: () => Promise<T>, missing: T): Promise<T> {
  const exists = await ensured()
  try {
    return await read()
  } catch (error) {
    if (!exists && nobodyAnswered(error)) return missing
    throw error
  }
}

async function ensure(nc: NatsConnection, config: StoreStream): Promise<boolean> {
  try {
    if (await answers(nc, config.name)) return true
    const { streams } = await manager(nc, { timeout: storeRequestMs })
    await streams.add(config)
    return true
  } catch (error) {
    // Somebody else made it just now, perhaps with other settings: it is there, which is all we want.
    if (apiCodeOf(error) === NAME_IN_USE) return true
    const fault = asLogFault(error, config.name)
    if (isSwarmError(fault, 'not_authorized')) return false
    throw fault
  }
}

/** A stream that allows direct reads answers to any reader; nobody answers for one that does not exist. */
async function answers(nc: NatsConnection, stream: string): Promise<boolean> {
  try {
    await nc.request(`$JS.API.DIRECT.GET.${stream}`, '{"seq":1}', { timeout: storeRequestMs })
    return true
  } catch (error) {
    if (nobodyAnswered(error)) return false
    throw error
  }
}

/**
 * For views: as any KV client makes it, but an acknowledged write need not be on disk yet, which the log makes good (see
 * view-checkpoint.ts). Servers refuse that mode for replicated streams, and in a cluster it could not be made good.
 */
export function viewStream(bucket: string, { replicas, clustered }: StoreSettings): StoreStream {
  const stream = kvStream(bucket, replicas)
  return replicas === 1 && !clustered ? { ...stream, persist_mode: 'async' } : stream
}

export type StoreSettings = { replicas: number; clustered: boolean }

/** As any KV client makes it. */
function kvStream(bucket: string, replicas: number): StoreStream {
  return { ...storeStream(`KV_${bucket}`, [`$KV.${bucket}.>`], replicas), max_msgs_per_subject: 1 }
}

/**
 * A KV stream whose messages may have a TTL of their own; a message tells of a key's end for `markerMs`. Each change is
 * republished without its content, so that watching needs no consumer.
 */
export function expiringKvStream(bucket: string, replicas: number, markerMs: number, changes: string): StoreStream {
  return {
    ...kvStream(bucket, replicas),
    allow_msg_ttl: true,
    subject_delete_marker_ttl: nanos(markerMs),
    republish: { src: `$KV.${bucket}.>`, dest: changes, headers_only: true },
  }
}

/** Objects are only added, so no writer needs the header that makes one message replace all others. */
export function objectStream(bucket: string, replicas: number): StoreStream {
  const stream = storeStream(`OBJ_${bucket}`, [`$O.${bucket}.C.>`, `$O.${bucket}.M.>`], replicas)
  return { ...stream, allow_rollup_hdrs: false }
}

function storeStream(name: string, subjects: string[], replicas: number): StoreStream {
  return {
    name,
    subjects,
    retention: 'limits',
    discard: 'new',
    storage: 'file',
    num_replicas: replicas,
    allow_direct: true,
    allow_rollup_hdrs: true,
  }
}
