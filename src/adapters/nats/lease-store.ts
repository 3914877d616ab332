/** Leases as keys with a TTL: the server ends what isn't renewed, and tells watchers. */
import { setTimeout as delay } from 'node:timers/promises'
import { jetstream } from '@nats-io/jetstream'
import { Kvm, type KvWatchEntry } from '@nats-io/kv'
import type { NatsConnection, QueuedIterator } from '@nats-io/transport-node'
import { z } from 'zod'
import type { Names } from '../../events/subjects.ts'
import { isSwarmError, SwarmError } from '../../runtime/errors.ts'
import type { Lease, LeaseChange, LeaseHolder, LeaseStore } from '../../runtime/ports.ts'
import { decodeKey, encodeKey } from './kv-keys.ts'
import { asLogFault } from './log-errors.ts'
import { type Bucket, type BucketEntry, openBucket } from './store-bucket.ts'
import { expiringKvStream } from './store-stream.ts'

/** How long a lease's end can still be learned by a watcher that lost its connection. */
const markerMs = 3_600_000
const acquireTriesMax = 3
const watchRetryMs = 250

const holderSchema = z.object({ runnerId: z.string(), host: z.string(), pid: z.int(), processStartedAt: z.string() })

/** Throws `log_unreachable`; `not_authorized` from what this user may not do. */
export function natsLeaseStore(nc: NatsConnection, names: Names, options: { replicas?: number } = {}): LeaseStore {
  const stream = expiringKvStream(names.leaseBucket, options.replicas ?? 1, markerMs)
  const bucket = openBucket(nc, names.leaseBucket, stream)
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
    watch: (signal) => watch(nc, bucket, names.leaseBucket, signal),
  }
}

async function acquire(bucket: Bucket, key: string, holder: LeaseHolder, ttlMs: number): Promise<Lease | null> {
  const encoded = encodeKey(key)
  let expected = 0
  for (let tries = 0; tries < acquireTriesMax; tries++) {
    const token = await put(bucket, encoded, holder, { expected, ttlMs })
    if (token !== null) return { key, token }
    const entry = await bucket.get(encoded)
    if (entry !== null && !entry.deleted) return null
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

async function* watch(
  nc: NatsConnection,
  bucket: Bucket,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<LeaseChange> {
  const held = new Map<string, LeaseHolder>()
  let revision = 0
  for await (const entry of bucket.list()) {
    revision = Math.max(revision, entry.revision)
    const change = changeOf(held, entry.key, holderOf(entry))
    if (change?.kind === 'held') yield change
  }
  yield { kind: 'current' }
  while (!signal.aborted) {
    const entries = await watchFrom(nc, name, revision + 1, signal)
    const stop = () => entries?.stop()
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    for await (const entry of entries ?? []) {
      revision = entry.revision
      const holder = entry.operation === 'PUT' ? parseHolder(entry.value) : null
      const change = changeOf(held, entry.key, holder)
      if (change !== null && !signal.aborted) yield change
    }
    signal.removeEventListener('abort', stop)
  }
}

/** Null when it failed for now; throws when the connection is closed for good. */
async function watchFrom(
  nc: NatsConnection,
  name: string,
  revision: number,
  signal: AbortSignal,
): Promise<QueuedIterator<KvWatchEntry> | null> {
  try {
    const kv = await new Kvm(jetstream(nc, { checkAPI: false })).open(name, { allow_direct: true })
    return await kv.watch({ resumeFromRevision: revision })
  } catch (error) {
    const fault = asLogFault(error, name)
    if (signal.aborted) return null
    if (nc.isClosed() || !isSwarmError(fault, 'log_unreachable')) throw fault
    await delay(watchRetryMs)
    return null
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

function holderOf(entry: BucketEntry): LeaseHolder | null {
  return entry.deleted ? null : parseHolder(entry.data)
}

function parseHolder(data: Uint8Array): LeaseHolder {
  return holderSchema.parse(JSON.parse(new TextDecoder().decode(data)))
}

function isSame(left: LeaseHolder | null, right: LeaseHolder): boolean {
  return left !== null && Object.entries(right).every(([name, value]) => left[name as keyof LeaseHolder] === value)
}
