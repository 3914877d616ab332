/** Artifacts in an object store bucket, named by the digest of their content; any object store client can read them. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { nuid, type NatsConnection } from '@nats-io/transport-node'
import type { ArtifactRef } from '../../events/parts.ts'
import { artifactName, type Names } from '../../events/subjects.ts'
import { isSwarmError, messageOf, SwarmError } from '../../runtime/errors.ts'
import type { ArtifactStore } from '../../runtime/ports.ts'
import { apiCodeOf, manager, publisher } from './jetstream.ts'
import { asLogFault, WRONG_LAST_SEQUENCE } from './log-errors.ts'
import { readAll, readLast, storeRequestMs } from './store-reads.ts'
import { flag, optional, shaped, type Shaped, text, whole } from './shape.ts'
import { lazyStream, objectStream, orMissing } from './store-stream.ts'

/** In a cluster a replica may not have all of an artifact yet that was stored just now. */
const lagWaitMs = 100
const lagTriesMax = 20
const chunkBytesMax = 131_072
/** Turns often say what an earlier one said; so many of the artifacts stored last are known to be there. */
const knownMax = 512
const NOTHING_THERE = { lastSubjectSequence: 0 }

const OBJECT = { nuid: text, size: whole(0), deleted: optional(flag) }
type StoredObject = Shaped<typeof OBJECT>

/** Throws `log_unreachable`; `not_authorized` from what this user may not do; `history_corrupt` when a digest differs. */
export function natsArtifactStore(
  nc: NatsConnection,
  names: Names,
  options: { replicas?: number } = {},
): ArtifactStore {
  const bucket = names.artifactBucket
  const stream = objectStream(bucket, options.replicas ?? 1)
  const ensure = lazyStream(nc, stream)
  const js = publisher(nc, storeRequestMs)
  const metaSubject = (ref: ArtifactRef) => `$O.${bucket}.M.${base64Url(artifactName(ref.sha256))}`

  async function find(ref: ArtifactRef): Promise<StoredObject | null> {
    const message = await orMissing(ensure, () => readLast(nc, stream.name, metaSubject(ref)), null)
    if (message === null) return null
    const object = shaped(OBJECT, JSON.parse(new TextDecoder().decode(message.data)))
    if (object === null) throw fault(ref, message.data)
    return object.deleted ? null : object
  }

  async function storeLarge(ref: ArtifactRef, content: AsyncIterable<Uint8Array>): Promise<ArtifactRef> {
    if ((await find(ref)) !== null) return ref
    const id = nuid.next()
    try {
      const { size, chunks } = await publishChunks(`$O.${bucket}.C.${id}`, content)
      // Refused when somebody has stored the same content meanwhile, which is then taken for ours.
      await (await js()).publish(metaSubject(ref), metaOf(ref, { nuid: id, size, chunks }), { expect: NOTHING_THERE })
    } catch (error) {
      await forgetChunks(id)
      if (error instanceof SwarmError || (await find(ref)) === null) throw asLogFault(error, stream.name)
    }
    return ref
  }

  /**
   * What fits into one message is stored without asking first: its chunk bears the digest's name, so whatever lies under
   * these two names already is the same content, and a half of it that somebody left behind is completed.
   */
  async function storeSmall(ref: ArtifactRef, bytes: Uint8Array): Promise<ArtifactRef> {
    await ensure()
    const nuid = ref.sha256
    const parts = bytes.length === 0 ? [] : [publishOnce(`$O.${bucket}.C.${nuid}`, bytes)]
    const meta = metaOf(ref, { nuid, size: bytes.length, chunks: parts.length })
    try {
      const outcomes = await Promise.all([...parts, publishOnce(metaSubject(ref), meta)])
      if (outcomes.at(-1) === 'stored' || (await find(ref)) !== null) return ref
    } catch (error) {
      throw asLogFault(error, stream.name)
    }
    throw fault(ref, null)
  }

  /** Both are sent before either is answered, and a single server stores them in that order. */
  async function publishOnce(subject: string, data: Uint8Array | string): Promise<'stored' | 'there'> {
    try {
      await (await js()).publish(subject, data, { expect: NOTHING_THERE })
      return 'stored'
    } catch (error) {
      if (apiCodeOf(error) === WRONG_LAST_SEQUENCE) return 'there'
      throw error
    }
  }

  /** What object store clients expect to be told besides. */
  function metaOf({ sha256 }: ArtifactRef, stored: { nuid: string; size: number; chunks: number }): string {
    const digest = urlSafe(Buffer.from(sha256, 'hex').toString('base64'))
    return JSON.stringify({
      name: artifactName(sha256),
      bucket,
      ...stored,
      digest: `SHA-256=${digest}`,
      mtime: new Date().toISOString(),
      deleted: false,
      options: { max_chunk_size: chunkBytesMax },
    })
  }

  async function publishChunks(subject: string, content: AsyncIterable<Uint8Array>) {
    let [size, chunks] = [0, 0]
    for await (const part of content) {
      for (let from = 0; from < part.length; from += chunkBytesMax) {
        const chunk = part.subarray(from, from + chunkBytesMax)
        await (await js()).publish(subject, chunk)
        size += chunk.length
        chunks += 1
      }
    }
    return { size, chunks }
  }

  /** Chunks that no name leads to cost only space, so what can't be removed is left: a runner may not purge. */
  async function forgetChunks(id: string): Promise<void> {
    try {
      const { streams } = await manager(nc, { timeout: storeRequestMs })
      await streams.purge(stream.name, { filter: `$O.${bucket}.C.${id}` })
    } catch (error) {
      const fault = asLogFault(error, stream.name)
      if (!isSwarmError(fault, 'not_authorized') && !isSwarmError(fault, 'log_unreachable')) throw fault
    }
  }

  async function read(object: StoredObject): Promise<Uint8Array> {
    const chunks: Uint8Array[] = []
    for await (const { data } of readAll(nc, stream.name, `$O.${bucket}.C.${object.nuid}`)) chunks.push(data)
    return Buffer.concat(chunks)
  }

  /** Nobody takes an artifact away again, so what this client has stored or seen is there. */
  const known = new Set<string>()
  async function once(ref: ArtifactRef, storing: () => Promise<ArtifactRef>): Promise<ArtifactRef> {
    if (!known.has(ref.sha256)) await storing()
    known.delete(ref.sha256)
    known.add(ref.sha256)
    const [oldest] = known
    if (known.size > knownMax && oldest !== undefined) known.delete(oldest)
    return ref
  }

  function put(content: Uint8Array | string): Promise<ArtifactRef> {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content
    const ref = { sha256: digestOf(bytes), bytes: bytes.length }
    return once(ref, () => (bytes.length > chunkBytesMax ? storeLarge(ref, partsOf(bytes)) : storeSmall(ref, bytes)))
  }

  return {
    put,
    async putFile(path) {
      const ref = await digestFile(path)
      if (ref.bytes <= chunkBytesMax) return put(await readFile(path))
      return once(ref, () => storeLarge(ref, fileParts(path, ref)))
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
async function* fileParts(path: string, ref: ArtifactRef): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256')
  const options = { highWaterMark: chunkBytesMax }
  for await (const part of createReadStream(path, options) as AsyncIterable<Buffer>) {
    hash.update(part)
    yield part
  }
  if (hash.digest('hex') !== ref.sha256)
    throw new SwarmError('invalid_argument', `${path} changed while it was being stored`)
}

async function* partsOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

function digestOf(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

/** As object stores name things: URL-safe base64 with padding. */
function base64Url(name: string): string {
  return urlSafe(Buffer.from(name).toString('base64'))
}

function urlSafe(base64: string): string {
  return base64.replaceAll('+', '-').replaceAll('/', '_')
}
