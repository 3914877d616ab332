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

/** As any KV client deletes a key. */
export function deletion(): { data: string; headers: MsgHdrs } {
  const marked = headers()
  marked.set('KV-Operation', 'DEL')
  return { data: '', headers: marked }
}

/** Null for a deleted key. What we didn't write is no document, and older than any: a view is a cache, it is made again. */
export function documentOf(entry: BucketEntry): StoredDocument | null {
  if (entry.deleted) return null
  const { position, document } = shaped(VALUE, jsonOf(entry)) ?? { position: 0, document: null }
  return { key: decodeKey(entry.key), position, document }
}

/** Undefined for what is no JSON, or deleted. */
export function jsonOf({ deleted, data, headers }: BucketEntry): unknown {
  if (deleted) return undefined
  try {
    const json = headers?.get('Content-Encoding') === 'gzip' ? gunzipSync(data) : Buffer.from(data)
    return JSON.parse(json.toString('utf8'))
  } catch (error) {
    if (error instanceof SyntaxError || isNoGzip(error)) return undefined
    throw error
  }
}

function isNoGzip(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')
}
