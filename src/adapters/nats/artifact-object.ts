/** What object store clients expect under the names of an object: one message that describes it, and its chunks. */
import type { ArtifactRef } from '../../events/parts.ts'
import { artifactName } from '../../events/subjects.ts'
import { flag, matching, optional, shaped, type Shaped, whole } from './shape.ts'

export const CHUNK_BYTES_MAX = 131_072

/** `nuid` is the last part of its chunks' subject. */
const OBJECT = { nuid: matching(/^[\w-]+$/), size: whole(0), deleted: optional(flag) }
export type StoredObject = Shaped<typeof OBJECT>

export function chunkSubject(bucket: string, nuid: string): string {
  return `$O.${bucket}.C.${nuid}`
}

export function metaSubject(bucket: string, { sha256 }: ArtifactRef): string {
  return `$O.${bucket}.M.${urlSafe(Buffer.from(artifactName(sha256)).toString('base64'))}`
}

export function metaOf(
  bucket: string,
  { sha256 }: ArtifactRef,
  stored: { nuid: string; size: number; chunks: number },
): string {
  return JSON.stringify({
    name: artifactName(sha256),
    bucket,
    ...stored,
    digest: `SHA-256=${urlSafe(Buffer.from(sha256, 'hex').toString('base64'))}`,
    mtime: new Date().toISOString(),
    deleted: false,
    options: { max_chunk_size: CHUNK_BYTES_MAX },
  })
}

/** Null for what describes no object. */
export function objectOf(meta: Uint8Array): StoredObject | null {
  try {
    return shaped(OBJECT, JSON.parse(new TextDecoder().decode(meta)))
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

/** As object stores write what is binary: URL-safe base64 with padding. */
function urlSafe(base64: string): string {
  return base64.replaceAll('+', '-').replaceAll('/', '_')
}
