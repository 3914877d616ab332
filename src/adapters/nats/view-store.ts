/** Views in KV buckets, one per view. Any NATS client may read them: the value is `{"position", "document"}` as JSON. */
import { gunzipSync, gzipSync } from 'node:zlib'
import { headers, type NatsConnection } from '@nats-io/transport-node'
import { z } from 'zod'
import type { Names } from '../../events/subjects.ts'
import { SwarmError } from '../../runtime/errors.ts'
import type { StoredDocument, ViewStore } from '../../runtime/ports.ts'
import { CHECKPOINT_KEY, decodeKey, encodeKey } from './kv-keys.ts'
import { type Bucket, type BucketEntry, openBucket } from './store-bucket.ts'
import { kvStream } from './store-stream.ts'

const pipelinedPuts = 128
const putTriesMax = 10
/** Keys whose revision is remembered per view, which saves reading them before the next put. */
const knownKeysMax = 20_000
/** Documents longer than this are stored compressed, to stay far below the server's largest message. */
const compressAboveBytes = 256 * 1024

const storedSchema = z.object({ position: z.int().min(0), document: z.unknown() })

type Known = { revision: number; position: number }
type View = { bucket: Bucket; known: Map<string, Known> }

/** Throws `log_unreachable`; `not_authorized` from what this user may not do. */
export function natsViewStore(nc: NatsConnection, names: Names, options: { replicas?: number } = {}): ViewStore {
  const views = new Map<string, View>()
  const viewOf = (name: string): View => {
    const opened = views.get(name)
    if (opened !== undefined) return opened
    const bucket = names.viewBucket(name)
    const view = { bucket: openBucket(nc, bucket, kvStream(bucket, options.replicas ?? 1)), known: new Map() }
    views.set(name, view)
    return view
  }
  return {
    async get(view, key) {
      const entry = await viewOf(view).bucket.get(encodeKey(key))
      return entry && documentOf(entry)
    },
    async *list(view) {
      for await (const entry of viewOf(view).bucket.list()) {
        const stored = entry.key === CHECKPOINT_KEY ? null : documentOf(entry)
        if (stored !== null) yield stored
      }
    },
    async put(view, documents) {
      const queue = newest(documents)
      const worker = async () => {
        for (let next = queue.pop(); next !== undefined; next = queue.pop()) await putNewer(viewOf(view), next)
      }
      await Promise.all(Array.from({ length: Math.min(pipelinedPuts, queue.length) }, worker))
    },
    async checkpoint(view) {
      const entry = await viewOf(view).bucket.get(CHECKPOINT_KEY)
      return (entry && contentOf(entry)?.position) ?? 0
    },
    async setCheckpoint(view, position) {
      await viewOf(view).bucket.put(CHECKPOINT_KEY, JSON.stringify({ position, document: null }))
    },
    async clear(view) {
      const { bucket, known } = viewOf(view)
      known.clear()
      await bucket.purge()
    },
  }
}

/** Of several documents of one key the newest. */
function newest(documents: readonly StoredDocument[]): StoredDocument[] {
  const byKey = new Map<string, StoredDocument>()
  for (const document of documents) {
    if ((byKey.get(document.key)?.position ?? -1) <= document.position) byKey.set(document.key, document)
  }
  return [...byKey.values()]
}

/**
 * Replaces what is stored unless that is newer, whoever else does so at the same time: the write expects the revision
 * that was compared. A key that isn't known is first taken for a new one; if it isn't, the server says so.
 */
async function putNewer({ bucket, known }: View, { key, position, document }: StoredDocument): Promise<void> {
  const encoded = encodeKey(key)
  let current = known.get(encoded) ?? { revision: 0, position: -1 }
  known.delete(encoded)
  for (let tries = 0; tries < putTriesMax; tries++) {
    if (current.position > position) return
    const revision = await putJson(bucket, encoded, { position, document }, current.revision)
    if (revision !== null) return remember(known, encoded, { revision, position })
    const entry = await bucket.get(encoded)
    current = { revision: entry?.revision ?? 0, position: (entry && contentOf(entry)?.position) ?? -1 }
  }
  throw new SwarmError('log_unreachable', `the document ${key} changes too fast to be stored`, { retryable: true })
}

function remember(known: Map<string, Known>, key: string, value: Known): void {
  known.set(key, value)
  const oldest = known.size > knownKeysMax ? known.keys().next().value : undefined
  if (oldest !== undefined) known.delete(oldest)
}

async function putJson(bucket: Bucket, key: string, content: object, expected: number): Promise<number | null> {
  const json = JSON.stringify(content)
  if (json.length <= compressAboveBytes) return bucket.put(key, json, { expected })
  const compressed = headers()
  compressed.set('Content-Encoding', 'gzip')
  return bucket.put(key, gzipSync(json), { expected, headers: compressed })
}

function documentOf(entry: BucketEntry): StoredDocument | null {
  const content = contentOf(entry)
  return content && { key: decodeKey(entry.key), position: content.position, document: content.document }
}

/** Null for what we didn't write: a view is a cache, and what isn't in it is made again. */
function contentOf({ deleted, data, headers }: BucketEntry): z.output<typeof storedSchema> | null {
  if (deleted) return null
  const json = headers?.get('Content-Encoding') === 'gzip' ? gunzipSync(data) : Buffer.from(data)
  try {
    return storedSchema.safeParse(JSON.parse(json.toString('utf8'))).data ?? null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
