/**
 * Up to where a stored view is complete, and when that is to be believed.
 *
 * A single server acknowledges what is written to a view before it is on disk. The checkpoint is written to the same
 * bucket after the documents that it speaks for, and only if the bucket's latest write is still the one that its writer
 * knows of. That is enough as long as the server lives. When it was killed, or the power went, the bucket may lack the
 * latest writes, and a disk may even have kept a later one without an earlier. So a checkpoint names the server's
 * generation in which it was written, and a position that it had been at for so long that all of it is on disk
 * (`settled`). In another generation only that one is believed. What lies behind it is folded again, and a document that
 * is there already is left alone.
 */
import type { NatsConnection } from '@nats-io/transport-node'
import type { Position } from '../../events/ids.ts'
import { SwarmError } from '../../runtime/errors.ts'
import type { KeptSince } from '../../runtime/ports.ts'
import { embeddedGeneration } from './embedded-generation.ts'
import { CHECKPOINT_KEY } from './kv-keys.ts'
import { unreachable } from './log-errors.ts'
import { optional, shaped, type Shaped, text, whole } from './shape.ts'
import type { Bucket, BucketEntry } from './store-bucket.ts'
import type { DocumentWriter } from './view-documents.ts'
import { jsonOf } from './view-values.ts'

/** nats-server writes what is pending to disk every two minutes, unless it was told to do so more rarely. */
const settleMs = 300_000
const writeTriesMax = 10

/** Without a generation it is believed anywhere: from a cluster, or from an older release. */
const CHECKPOINT = { position: whole(0), generation: optional(text), settled: optional(whole(0)) }
type Checkpoint = Shaped<typeof CHECKPOINT>

/** What is stored; `next` will be settled in time. */
type Stored = { revision: number; position: Position; settled: Position; next: { position: Position; atMs: number } }

/**
 * Another value means that the server may have lost what it was given last. An embedded server keeps its generation
 * when it was stopped in order; others have a new one with every start. In a cluster, whose servers have all they
 * acknowledge on disk or on several of them, it is always the same.
 */
export function generationOf(nc: NatsConnection): string {
  const { info } = nc
  if (info === undefined || info.cluster !== undefined) return ''
  return embeddedGeneration(info.server_name) ?? info.server_id
}

/** `documents`: what else is written to the bucket, by the same client. */
export function checkpointOf(bucket: Bucket, documents: DocumentWriter, generation: () => string) {
  let stored: Stored | null = null

  async function read(): Promise<Position> {
    return believed(contentOf(await bucket.get(CHECKPOINT_KEY)), generation())
  }

  async function load(): Promise<Stored> {
    const entry = await bucket.get(CHECKPOINT_KEY)
    const content = contentOf(entry)
    const position = believed(content, generation())
    const next = { position, atMs: performance.now() }
    return { revision: entry?.revision ?? 0, position, settled: content?.settled ?? 0, next }
  }

  async function write(position: Position, since?: KeptSince): Promise<void> {
    for (let tries = 0; tries < writeTriesMax; tries++) {
      stored ??= await load()
      // A server that answered in this generation has all that was acknowledged in it.
      const latest = documents.latest() ?? (since === undefined ? undefined : await bucket.latest())
      if (since !== undefined) check(since, stored.position)
      const next = aged(stored, position)
      const revision = await bucket.put(CHECKPOINT_KEY, textOf(next, generation()), {
        expected: stored.revision,
        // Nothing can be lost of an empty bucket, and what its latest write was is not told any more.
        ...(latest === undefined || latest === 0 ? {} : { after: latest }),
      })
      if (revision !== null) {
        stored = { ...next, revision }
        return documents.wrote(revision)
      }
      forget()
    }
    throw unreachable(`the checkpoint of ${bucket.name} changes too fast to be stored`)
  }

  function check(since: KeptSince, position: Position): void {
    if (since.generation === generation() && position >= since.checkpoint) return
    forget()
    throw new SwarmError('view_lost', `what was stored in ${bucket.name} may not be there any more: it is made again`)
  }

  function forget(): void {
    stored = null
    documents.forget()
  }

  return { read, write, forget }
}

function aged(stored: Stored, position: Position): Stored {
  const nowMs = performance.now()
  const isOld = nowMs - stored.next.atMs >= settleMs
  return {
    revision: stored.revision,
    position,
    settled: Math.min(position, isOld ? stored.next.position : stored.settled),
    next: isOld ? { position, atMs: nowMs } : stored.next,
  }
}

function textOf({ position, settled }: Stored, generation: string): string {
  return JSON.stringify({ position, document: null, ...(generation === '' ? {} : { generation, settled }) })
}

function believed(checkpoint: Checkpoint | null, generation: string): Position {
  if (checkpoint === null) return 0
  const isSame = checkpoint.generation === undefined || checkpoint.generation === generation
  return isSame ? checkpoint.position : (checkpoint.settled ?? 0)
}

function contentOf(entry: BucketEntry | null): Checkpoint | null {
  return entry === null ? null : shaped(CHECKPOINT, jsonOf(entry))
}
