/** Views in KV buckets, one per view. Any NATS client may read them: the value is `{"position", "document"}` as JSON. */
import type { NatsConnection } from '@nats-io/transport-node'
import type { Names } from '../../events/subjects.ts'
import type { ViewStore } from '../../runtime/ports.ts'
import { encodeKey, isEncodedKey } from './kv-keys.ts'
import { openBucket } from './store-bucket.ts'
import { viewStream } from './store-stream.ts'
import { checkpointOf, generationOf } from './view-checkpoint.ts'
import { documentWriter } from './view-documents.ts'
import { documentOf } from './view-values.ts'

/** Throws `log_unreachable`; `not_authorized` from what this user may not do. */
export function natsViewStore(nc: NatsConnection, names: Names, options: { replicas?: number } = {}): ViewStore {
  const views = new Map<string, ReturnType<typeof open>>()
  const generation = () => generationOf(nc)
  const open = (name: string) => {
    const clustered = nc.info?.cluster !== undefined
    const stream = viewStream(names.viewBucket(name), { replicas: options.replicas ?? 1, clustered })
    const bucket = openBucket(nc, names.viewBucket(name), stream)
    const documents = documentWriter(bucket, { inRows: !clustered, generation })
    return { bucket, documents, checkpoint: checkpointOf(bucket, documents, generation) }
  }
  const viewOf = (name: string) => {
    const view = views.get(name) ?? open(name)
    views.set(name, view)
    return view
  }
  return {
    generation,
    async get(view, key) {
      const entry = await viewOf(view).bucket.get(encodeKey(key))
      return entry && documentOf(entry)
    },
    async find(view, keys) {
      const { bucket, documents } = viewOf(view)
      const entries = await bucket.find(keys.map(encodeKey))
      return entries.flatMap((entry) => {
        const stored = documentOf(entry)
        documents.read(entry, stored)
        return stored ?? []
      })
    },
    async *list(view) {
      for await (const entry of viewOf(view).bucket.list()) {
        const stored = isEncodedKey(entry.key) ? documentOf(entry) : null
        if (stored !== null) yield stored
      }
    },
    put: (view, documents, given) => viewOf(view).documents.put(documents, given),
    remove: (view, documents) => viewOf(view).documents.remove(documents),
    checkpoint: (view) => viewOf(view).checkpoint.read(),
    setCheckpoint: (view, position, since) => viewOf(view).checkpoint.write(position, since),
    async clear(view) {
      const { bucket, checkpoint } = viewOf(view)
      checkpoint.forget()
      await bucket.purge()
    },
  }
}
