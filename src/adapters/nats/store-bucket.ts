/** A KV bucket by raw messages: the KV client drops a key's TTL on update, and reads by consumers. */
import { jetstream, JsHeaders, jetstreamManager } from '@nats-io/jetstream'
import { headers, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node'
import { APPEND_IN_FLIGHT, apiCodeOf, asLogFault, WRONG_LAST_SEQUENCE } from './log-errors.ts'
import { readAll, readLast, type StoredMessage, storeRequestMs } from './store-reads.ts'
import { lazyStream, orMissing, type StoreStream } from './store-stream.ts'

/** A key's last message. A deleted key has one for a while too, and its revision is what the next one must expect. */
export type BucketEntry = {
  key: string
  revision: number
  deleted: boolean
  data: Uint8Array
  headers: MsgHdrs | undefined
}

export type PutOptions = {
  /** The key's revision, 0 for a key never used; absent: whatever it is. */
  expected?: number
  /** The key ends by itself after that; at least 1000. */
  ttlMs?: number
  headers?: MsgHdrs
}

export type Bucket = ReturnType<typeof openBucket>

/** Keys are as stored (see kv-keys.ts). All functions throw `log_unreachable` and `not_authorized`. */
export function openBucket(nc: NatsConnection, bucket: string, stream: StoreStream) {
  const prefix = `$KV.${bucket}.`
  const ensure = lazyStream(nc, stream)
  const js = jetstream(nc, { timeout: storeRequestMs })
  const entryOf = (message: StoredMessage): BucketEntry => ({
    key: message.subject.slice(prefix.length),
    revision: message.sequence,
    deleted: isDeletion(message.headers),
    data: message.data,
    headers: message.headers,
  })

  async function get(key: string): Promise<BucketEntry | null> {
    const message = await orMissing(ensure, () => readLast(nc, stream.name, prefix + key), null)
    return message && entryOf(message)
  }

  /** Every key once, as it was at some time during the call; deleted ones too. */
  async function* list(): AsyncGenerator<BucketEntry> {
    const seen = new Set<string>()
    const pages = readAll(nc, stream.name, `${prefix}>`)
    for (;;) {
      const next = await orMissing(ensure, () => pages.next(), { done: true, value: undefined } as const)
      if (next.done) return
      // A key that changes meanwhile moves to the end and comes again.
      if (seen.has(next.value.subject)) continue
      seen.add(next.value.subject)
      yield entryOf(next.value)
    }
  }

  /** The last state of every key that changed after a revision, oldest change first; deleted ones too. */
  async function* changes(after: number): AsyncGenerator<BucketEntry> {
    const messages = readAll(nc, stream.name, `${prefix}>`, after + 1)
    for (;;) {
      const next = await orMissing(ensure, () => messages.next(), { done: true, value: undefined } as const)
      if (next.done) return
      yield entryOf(next.value)
    }
  }

  /** The new revision, or null when the key's revision is not the expected one; then nothing is written. */
  async function put(key: string, data: Uint8Array | string, options: PutOptions = {}): Promise<number | null> {
    await ensure()
    const { expected, ttlMs, headers } = options
    try {
      const ack = await js.publish(prefix + key, data, {
        ...(expected === undefined ? {} : { expect: { lastSubjectSequence: expected } }),
        ...(ttlMs === undefined ? {} : { ttl: `${Math.ceil(ttlMs)}ms` }),
        ...(headers === undefined ? {} : { headers }),
      })
      return ack.seq
    } catch (error) {
      const code = apiCodeOf(error)
      if (code === WRONG_LAST_SEQUENCE || code === APPEND_IN_FLIGHT) return null
      throw asLogFault(error, stream.name)
    }
  }

  /** Deletes the key if its revision is the expected one; what tells watchers of it goes by itself after `ttlMs`. */
  async function remove(key: string, options: { expected: number; ttlMs: number }): Promise<boolean> {
    const deletion = headers()
    deletion.set('KV-Operation', 'PURGE')
    deletion.set(JsHeaders.RollupHdr, JsHeaders.RollupValueSubject)
    return (await put(key, '', { ...options, headers: deletion })) !== null
  }

  /** Deletes all keys. */
  async function purge(): Promise<void> {
    await ensure()
    try {
      const manager = await jetstreamManager(nc, { checkAPI: false, timeout: storeRequestMs })
      await manager.streams.purge(stream.name)
    } catch (error) {
      throw asLogFault(error, stream.name)
    }
  }

  return { get, list, changes, put, remove, purge, ensure }
}

function isDeletion(headers: MsgHdrs | undefined): boolean {
  // The server marks what expired by its own header.
  return (headers?.has('KV-Operation') || headers?.has('Nats-Marker-Reason')) ?? false
}
