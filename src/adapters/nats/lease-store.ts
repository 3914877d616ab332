/** Leases as keys with a TTL: the server ends what isn't renewed, and tells watchers. */
import type { NatsConnection } from '@nats-io/transport-node'
import type { Names } from '../../events/subjects.ts'
import { isSwarmError, SwarmError } from '../../runtime/errors.ts'
import type { Lease, LeaseChange, LeaseHolder, LeaseStore } from '../../runtime/ports.ts'
import { decodeKey, encodeKey } from './kv-keys.ts'
import { asLogFault } from './log-errors.ts'
import { STORED } from './jetstream.ts'
import { shaped, text, whole } from './shape.ts'
import { type Bucket, type BucketEntry, openBucket } from './store-bucket.ts'
import { expiringKvStream, type StoreStream } from './store-stream.ts'

/** How long a lease's end can still be learned by a watcher that lost its connection. */
const markerMs = 3_600_000
const acquireTriesMax = 3
/** How late a watcher is at most when it was not told of a change. */
const checkMs = 1_000
const watchRetryMs = 250
const lagWaitMs = 50

const HOLDER = { runnerId: text, host: text, pid: whole(Number.MIN_SAFE_INTEGER), processStartedAt: text }

/** Throws `log_unreachable`; `not_authorized` from what this user may not do. */
export function natsLeaseStore(nc: NatsConnection, names: Names, options: { replicas?: number } = {}): LeaseStore {
  const bucket = openBucket(nc, names.leaseBucket, leaseStream(names, options.replicas ?? 1))
  return {
    acquire: (key, holder, ttlMs) => acquire(bucket, key, holder, ttlMs),
    renew: (lease, holder, ttlMs) => renew(bucket, lease, holder, ttlMs),
    async release({ key, token }) {
      await bucket.remove(encodeKey(key), { expected: token, ttlMs: markerMs })
    },
    async holder(key) {
      const entry = await bucket.get(encodeKey(key))
      return entry && holderOf(entry)
    },
    async evict(key, holder) {
      const entry = await bucket.get(encodeKey(key))
      if (entry === null || !isSame(holderOf(entry), holder)) return false
      return bucket.remove(entry.key, { expected: entry.revision, ttlMs: markerMs })
    },
    watch: (signal) => watch(nc, bucket, names, signal),
  }
}

export function leaseStream(names: Names, replicas: number): StoreStream {
  return expiringKvStream(names.leaseBucket, replicas, markerMs, names.allLeaseChanges)
}

async function acquire(bucket: Bucket, key: string, holder: LeaseHolder, ttlMs: number): Promise<Lease | null> {
  const encoded = encodeKey(key)
  let expected = 0
  for (let tries = 0; tries < acquireTriesMax; tries++) {
    const token = await put(bucket, encoded, holder, { expected, ttlMs })
    if (token !== null) return { key, token }
    const entry = await bucket.get(encoded)
    if (entry !== null && holderOf(entry) !== null) return null
    expected = entry?.revision ?? 0
  }
  return null
}

async function renew(bucket: Bucket, lease: Lease, holder: LeaseHolder, ttlMs: number): Promise<Lease> {
  const { key, token } = lease
  const encoded = encodeKey(key)
  const renewed = await put(bucket, encoded, holder, { expected: token, ttlMs })
  if (renewed !== null) return { key, token: renewed }
  // An earlier renewal may have been written although its answer was lost; the lease is ours under a newer token then.
  const entry = await bucket.get(encoded)
  if (entry !== null && entry.revision > token && isSame(holderOf(entry), holder)) {
    const again = await put(bucket, encoded, holder, { expected: entry.revision, ttlMs })
    if (again !== null) return { key, token: again }
  }
  throw new SwarmError('lease_lost', `the lease of ${key} is not held by ${holder.runnerId} any more`, {
    details: { key },
  })
}

/** The new token, or null on a conflict. An answer that is lost is looked up, so that a lease we hold is not left alone. */
async function put(bucket: Bucket, key: string, holder: LeaseHolder, options: { expected: number; ttlMs: number }) {
  try {
    return await bucket.put(key, JSON.stringify(holder), options)
  } catch (error) {
    if (!isSwarmError(error, 'log_unreachable')) throw error
    const entry = await bucket.get(key)
    if (entry !== null && entry.revision > options.expected && isSame(holderOf(entry), holder)) return entry.revision
    throw error
  }
}

/**
 * Reads behind the cursor, waits for a nudge, reads again: no consumer, since who may create one can have stored
 * messages delivered to any subject.
 */
async function* watch(
  nc: NatsConnection,
  bucket: Bucket,
  { leaseBucket, allLeaseChanges }: Names,
  signal: AbortSignal,
): AsyncGenerator<LeaseChange> {
  const held = new Map<string, LeaseHolder>()
  const nudges = listen(nc, allLeaseChanges, signal)
  const cursor = { revision: 0 }
  let current = false
  try {
    while (!signal.aborted) {
      const heard = nudges.take()
      let waitMs = checkMs
      try {
        yield* news(bucket, held, cursor, signal)
        if (!current && !signal.aborted) yield { kind: 'current' }
        current = true
        // A replica may not have yet what its leader has announced.
        if (heard > cursor.revision) waitMs = lagWaitMs
      } catch (error) {
        if (signal.aborted) return
        if (!current || nc.isClosed() || !isSwarmError(error, 'log_unreachable')) throw error
        waitMs = watchRetryMs
      }
      await nudges.wait(waitMs)
    }
  } catch (error) {
    throw asLogFault(error, leaseBucket)
  } finally {
    nudges.close()
  }
}

/** What changed for others behind the cursor, which moves with it. */
async function* news(
  bucket: Bucket,
  held: Map<string, LeaseHolder>,
  cursor: { revision: number },
  signal: AbortSignal,
): AsyncGenerator<LeaseChange> {
  for await (const entry of bucket.changes(cursor.revision)) {
    if (signal.aborted) return
    cursor.revision = entry.revision
    const change = changeOf(held, entry.key, holderOf(entry))
    if (change !== null) yield change
  }
}

/** What tells a watcher that it may be worth reading again. A lost nudge only delays, by `checkMs` at most. */
function listen(nc: NatsConnection, subject: string, signal: AbortSignal) {
  let heard = 0
  let nudged = false
  let failure: Error | null = null
  let resume: () => void = () => undefined
  const nudge = () => {
    nudged = true
    resume()
  }
  const subscription = nc.subscribe(subject, {
    callback: (error, message) => {
      failure = error ?? failure
      if (error === null) heard = Math.max(heard, Number(message.headers?.last(STORED.sequence)) || 0)
      nudge()
    },
  })
  signal.addEventListener('abort', nudge, { once: true })
  return {
    /** Forgets the nudges so far; the highest revision heard of. */
    take() {
      nudged = false
      return heard
    },
    /** Throws what ended the subscription. */
    async wait(ms: number) {
      if (!nudged && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms)
          resume = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
      if (failure !== null) throw failure
    },
    close() {
      signal.removeEventListener('abort', nudge)
      subscription.unsubscribe()
    },
  }
}

/** Null when nothing changed for others: a renewal, or the end of what had ended. */
function changeOf(held: Map<string, LeaseHolder>, encoded: string, holder: LeaseHolder | null): LeaseChange | null {
  const key = decodeKey(encoded)
  const before = held.get(key) ?? null
  if (holder === null) return held.delete(key) ? { kind: 'free', key } : null
  held.set(key, holder)
  return isSame(before, holder) ? null : { kind: 'held', key, holder }
}

/** Null for nobody, and for a value that names nobody: such a lease is free to take, as the log's epochs guard the rest. */
function holderOf(entry: BucketEntry): LeaseHolder | null {
  if (entry.deleted) return null
  try {
    return shaped(HOLDER, JSON.parse(new TextDecoder().decode(entry.data)))
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

function isSame(left: LeaseHolder | null, right: LeaseHolder): boolean {
  return left !== null && Object.entries(right).every(([name, value]) => left[name as keyof LeaseHolder] === value)
}
