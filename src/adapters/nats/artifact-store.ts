/** Artifacts in an object store bucket, named by the digest of their content; any object store client can read them. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { Objm } from '@nats-io/obj'
import { jetstream } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { z } from 'zod'
import type { ArtifactRef } from '../../events/parts.ts'
import { artifactName, type Names } from '../../events/subjects.ts'
import { messageOf, SwarmError } from '../../runtime/errors.ts'
import type { ArtifactStore } from '../../runtime/ports.ts'
import { asLogFault } from './log-errors.ts'
import { readAll, readLast, storeRequestMs } from './store-reads.ts'
import { lazyStream, objectStream, orMissing } from './store-stream.ts'

/** In a cluster a replica may not have all of an artifact yet that was stored just now. */
const lagWaitMs = 100
const lagTriesMax = 20

const objectSchema = z.object({ nuid: z.string(), size: z.int().min(0), deleted: z.boolean().optional() })
type StoredObject = z.output<typeof objectSchema>

/** Throws `log_unreachable`; `not_authorized` from what this user may not do; `history_corrupt` when a digest differs. */
export function natsArtifactStore(
  nc: NatsConnection,
  names: Names,
  options: { replicas?: number } = {},
): ArtifactStore {
  const bucket = names.artifactBucket
  const stream = objectStream(bucket, options.replicas ?? 1)
  const ensure = lazyStream(nc, stream)

  async function find(ref: ArtifactRef): Promise<StoredObject | null> {
    const subject = `$O.${bucket}.M.${base64Url(artifactName(ref.sha256))}`
    const message = await orMissing(ensure, () => readLast(nc, stream.name, subject), null)
    const object = message && objectSchema.parse(JSON.parse(new TextDecoder().decode(message.data)))
    return object?.deleted ? null : object
  }

  async function store(ref: ArtifactRef, content: ReadableStream<Uint8Array>): Promise<ArtifactRef> {
    const objects = await new Objm(jetstream(nc, { timeout: storeRequestMs, checkAPI: false })).open(bucket, false)
    try {
      // Refused when somebody has stored the same content meanwhile, which is then taken for ours.
      await objects.put({ name: artifactName(ref.sha256) }, content, { previousRevision: 0, timeout: storeRequestMs })
    } catch (error) {
      if (error instanceof SwarmError || (await find(ref)) === null) throw asLogFault(error, stream.name)
    }
    return ref
  }

  async function read(object: StoredObject): Promise<Uint8Array> {
    const chunks: Uint8Array[] = []
    for await (const { data } of readAll(nc, stream.name, `$O.${bucket}.C.${object.nuid}`)) chunks.push(data)
    return Buffer.concat(chunks)
  }

  return {
    async put(content) {
      const bytes = typeof content === 'string' ? Buffer.from(content) : content
      const ref = { sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.length }
      return (await find(ref)) === null ? store(ref, streamOf(bytes)) : ref
    },
    async putFile(path) {
      const ref = await digestFile(path)
      return (await find(ref)) === null ? store(ref, fileStream(path, ref)) : ref
    },
    async get(ref) {
      for (let tries = 1; ; tries++) {
        const object = await find(ref)
        const content = object && (await read(object))
        if (content?.length === ref.bytes && digestOf(content) === ref.sha256) return content
        if (nc.info?.cluster === undefined || tries === lagTriesMax) throw fault(ref, content)
        await delay(lagWaitMs)
      }
    },
  }
}

function fault(ref: ArtifactRef, content: Uint8Array | null): SwarmError {
  const name = artifactName(ref.sha256)
  if (content === null) return new SwarmError('artifact_missing', `there is no artifact ${name}`, { details: ref })
  return new SwarmError('history_corrupt', `the artifact ${name} is not what was stored`, { details: ref })
}

async function digestFile(path: string): Promise<ArtifactRef> {
  const hash = createHash('sha256')
  let bytes = 0
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      hash.update(chunk)
      bytes += chunk.length
    }
  } catch (error) {
    throw new SwarmError('invalid_argument', `can't read ${path}: ${messageOf(error)}`, { cause: error })
  }
  return { sha256: hash.digest('hex'), bytes }
}

/** The file again; fails at its end, before the object gets its name, when it isn't what was digested any more. */
function fileStream(path: string, ref: ArtifactRef): ReadableStream<Uint8Array> {
  async function* verified() {
    const hash = createHash('sha256')
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      hash.update(chunk)
      yield chunk
    }
    if (hash.digest('hex') !== ref.sha256)
      throw new SwarmError('invalid_argument', `${path} changed while it was being stored`)
  }
  return ReadableStream.from(verified())
}

function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return ReadableStream.from([bytes])
}

function digestOf(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

/** As object stores name things: URL-safe base64 with padding. */
function base64Url(name: string): string {
  return Buffer.from(name).toString('base64').replaceAll('+', '-').replaceAll('/', '_')
}
