/** A KV bucket by raw messages: the KV client drops a key's TTL on update, and reads by consumers. */
import { headers, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node'
import { apiCodeOf, EXPECTED, manager, publisher, ROLLUP } from './jetstream.ts'
import { APPEND_IN_FLIGHT, asLogFault, WRONG_LAST_SEQUENCE } from './log-errors.ts'
import { rowBuffer, WrittenHeaders, type RowBuffer } from './row-buffer.ts'
import { readAll, readLast, readLasts, type StoredMessage, storeRequestMs } from './store-reads.ts'
import { lazyStream, orMissing, type StoreStream } from './store-stream.ts'

/** A key's last message. A deleted key has one for a while too, and its revision is what the next one must expect. */
export type BucketEntry = {
  key: string
  revision: number
  deleted: boolean
  data: Uint8Array
  headers: MsgHdrs | undefined
}

/** One of several writes in a row. `expected`: the key's revision, 0 for a key never used. */
export type RowEntry = { key: string; data: string | Uint8Array; expected: number; headers?: MsgHdrs | undefined }

export type PutOptions = {
  /** The key's revision, 0 for a key never used; absent: whatever it is. */
  expected?: number
  /** The revision of the latest write to the whole bucket; absent: whatever it is. */
  after?: number
  /** The key ends by itself after that; at least 1000. */
  ttlMs?: number
  headers?: MsgHdrs
}

export type Bucket = ReturnType<typeof openBucket>

/** Keys are as stored (see kv-keys.ts). All functions throw `log_unreachable` and `not_authorized`. */
export function openBucket(nc: NatsConnection, bucket: string, stream: StoreStream) {
  const prefix = `$KV.${bucket}.`
  const ensure = lazyStream(nc, stream)
  const js = publisher(nc, storeRequestMs)
  const spare: RowBuffer[] = []
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

  /** Those of the keys that were ever used and not forgotten; deleted ones too. */
  async function find(keys: readonly string[]): Promise<BucketEntry[]> {
    const subjects = keys.map((key) => prefix + key)
    const messages = await orMissing(ensure, () => readLasts(nc, stream.name, subjects), [])
    return messages.map(entryOf)
  }

  /** The revision of the latest write to the whole bucket that is still there; 0 when there is none. */
  async function latest(): Promise<number> {
    const message = await orMissing(ensure, () => readLast(nc, stream.name, `${prefix}>`), null)
    return message?.sequence ?? 0
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

  /** The new revision, or null when a revision is not the expected one; then nothing is written. */
  async function put(key: string, data: Uint8Array | string, options: PutOptions = {}): Promise<number | null> {
    await ensure()
    const { expected, after, ttlMs, headers } = options
    const expect = {
      ...(expected === undefined ? {} : { lastSubjectSequence: expected }),
      ...(after === undefined ? {} : { lastSequence: after }),
    }
    try {
      const ack = await (await js()).publish(prefix + key, data, {
        expect,
        ...(ttlMs === undefined ? {} : { ttl: `${Math.ceil(ttlMs)}ms` }),
        ...(headers === undefined ? {} : { headers }),
      })
      return ack.seq
    } catch (error) {
      if (isConflict(error)) return null
      throw asLogFault(error, stream.name)
    }
  }

  /**
   * Writes one right behind the other and waits once for all of them, which costs a tenth. Each is refused unless its
   * key has the expected revision and the bucket's latest write is the one before it; so if the last one is written, all
   * are. Returns its revision, which is `after` and as many more as there are; or null, and then none are written or
   * some from the beginning on. Not for replicated streams, whose servers decide on a write before the one before it is
   * done.
   */
  async function putRow(row: readonly RowEntry[], after: number): Promise<number | null> {
    await ensure()
    const last = row.at(-1)
    if (last === undefined) return after
    const buffer = spare.pop() ?? rowBuffer()
    try {
      for (const [index, entry] of row.slice(0, -1).entries()) {
        nc.publish(prefix + entry.key, bytesOf(entry, buffer), { headers: expecting(entry, after + index, buffer) })
      }
      const { expected, headers } = last
      const options = { expected, after: after + row.length - 1, ...(headers && { headers }) }
      const revision = await put(last.key, bytesOf(last, buffer), options)
      // Answered, whatever it says: so all of the row was sent.
      buffer.reuse()
      spare.push(buffer)
      return revision
    } catch (error) {
      throw asLogFault(error, stream.name)
    }
  }

  /** Deletes the key if its revision is the expected one; what tells watchers of it goes by itself after `ttlMs`. */
  async function remove(key: string, options: { expected: number; ttlMs: number }): Promise<boolean> {
    const deletion = headers()
    deletion.set('KV-Operation', 'PURGE')
    deletion.set(ROLLUP.header, ROLLUP.subject)
    return (await put(key, '', { ...options, headers: deletion })) !== null
  }

  /** Deletes all keys. */
  async function purge(): Promise<void> {
    await ensure()
    try {
      const { streams } = await manager(nc, { timeout: storeRequestMs })
      await streams.purge(stream.name)
    } catch (error) {
      throw asLogFault(error, stream.name)
    }
  }

  return { name: bucket, get, find, latest, list, changes, put, putRow, remove, purge, ensure }
}

function bytesOf({ data }: RowEntry, buffer: RowBuffer): Uint8Array {
  return typeof data === 'string' ? buffer.bytesOf(data) : data
}

function expecting({ expected, headers: given }: RowEntry, after: number, buffer: RowBuffer): MsgHdrs {
  if (given === undefined) {
    const lines = `${EXPECTED.last}: ${after}\r\n${EXPECTED.lastOfSubject}: ${expected}\r\n`
    return new WrittenHeaders(buffer.bytesOf(`NATS/1.0\r\n${lines}\r\n`))
  }
  given.set(EXPECTED.last, String(after))
  given.set(EXPECTED.lastOfSubject, String(expected))
  return given
}

function isConflict(error: unknown): boolean {
  const code = apiCodeOf(error)
  return code === WRONG_LAST_SEQUENCE || code === APPEND_IN_FLIGHT
}

function isDeletion(headers: MsgHdrs | undefined): boolean {
  // The server marks what expired by its own header.
  return (headers?.has('KV-Operation') || headers?.has('Nats-Marker-Reason')) ?? false
}
