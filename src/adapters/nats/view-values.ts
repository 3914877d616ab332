/** What a view's bucket holds under a key: `{"position", "document"}` as JSON, compressed when it is long. */
import { gunzipSync, gzipSync } from 'node:zlib'
import { headers, type MsgHdrs } from '@nats-io/transport-node'
import type { StoredDocument } from '../../runtime/ports.ts'
import { decodeKey } from './kv-keys.ts'
import { anything, shaped, whole } from './shape.ts'
import type { BucketEntry } from './store-bucket.ts'

/** Values longer than this are stored compressed, to stay far below the server's largest message. */
const compressAboveBytes = 256 * 1024

const VALUE = { position: whole(0), document: anything }

export type Value = { data: string | Uint8Array; headers: MsgHdrs | undefined }

export function valueOf({ position, document }: StoredDocument): Value {
  const json = JSON.stringify({ position, document })
  if (json.length <= compressAboveBytes) return { data: json, headers: undefined }
  const compressed = headers()
  compressed.set('Content-Encoding', 'gzip')
  return { data: gzipSync(json), headers: compressed }
}

/** Null for what we didn't write: a view is a cache, and what isn't in it is made again. */
export function documentOf(entry: BucketEntry): StoredDocument | null {
  const content = shaped(VALUE, jsonOf(entry))
  return content === null ? null : { key: decodeKey(entry.key), position: content.position, document: content.document }
}

/** Undefined for what is no JSON, or deleted. */
export function jsonOf({ deleted, data, headers }: BucketEntry): unknown {
  if (deleted) return undefined
  const json = headers?.get('Content-Encoding') === 'gzip' ? gunzipSync(data) : Buffer.from(data)
  try {
    return JSON.parse(json.toString('utf8'))
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
