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
import { CHUNK_BYTES_MAX, chunkSubject, metaOf, metaSubject, objectOf } from './artifact-object.ts'
import { apiCodeOf, manager, publisher } from './jetstream.ts'
import { asLogFault, WRONG_LAST_SEQUENCE } from './log-errors.ts'
import { readAll, readLast, storeRequestMs } from './store-reads.ts'
import { lazyStream, objectStream, orMissing } from './store-stream.ts'

/** In a cluster a replica may not have all of an artifact yet that was stored just now. */
const lagWaitMs = 100
const lagTriesMax = 20
/** Turns often say what an earlier one said; so many of the artifacts stored last are known to be there. */
const knownMax = 512
const NOTHING_THERE = { lastSubjectSequence: 0 }

/** What lies under an artifact's name, and the sequence that whoever replaces it has to know. */
type Found = { sequence: number; state: 'absent' | 'corrupt' | 'sound' }

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

  /** Sound is what has the digest that it is named by. Its chunks are given to `take` before that is known. */
  async function look(ref: ArtifactRef, take?: (chunk: Uint8Array) => void): Promise<Found> {
    const meta = await orMissing(ensure, () => readLast(nc, stream.name, metaSubject(bucket, ref)), null)
    if (meta === null) return { sequence: 0, state: 'absent' }
    const { sequence, data } = meta
    const object = objectOf(data)
    if (object === null) return { sequence, state: 'corrupt' }
    if (object.deleted) return { sequence, state: 'absent' }
    const digest = createHash('sha256')
    let bytes = 0
    for await (const chunk of readAll(nc, stream.name, chunkSubject(bucket, object.nuid))) {
      digest.update(chunk.data)
      bytes += chunk.data.length
      take?.(chunk.data)
    }
    return { sequence, state: bytes === ref.bytes && digest.digest('hex') === ref.sha256 ? 'sound' : 'corrupt' }
  }

  /** In a cluster looked for again until it is in one of these states, for a while. */
  async function settled(looking: () => Promise<Found>, states: readonly Found['state'][]): Promise<Found> {
    for (let tries = 1; ; tries++) {
      const found = await looking()
      if (states.includes(found.state) || nc.info?.cluster === undefined || tries === lagTriesMax) return found
      await delay(lagWaitMs)
    }
  }

  /** Unless it is there; in the place of whatever lies under its name and is something else. */
  async function store(ref: ArtifactRef, content: AsyncIterable<Uint8Array>): Promise<void> {
    const { sequence, state } = await settled(() => look(ref), ['absent', 'sound'])
    if (state === 'sound') return
    const id = nuid.next()
    try {
      const stored = await publishChunks(chunkSubject(bucket, id), content)
      const meta = metaOf(bucket, ref, { nuid: id, ...stored })
      // Refused when somebody has stored the same content meanwhile, which is then taken for ours.
      await (await js()).publish(metaSubject(bucket, ref), meta, { expect: { lastSubjectSequence: sequence } })
    } catch (error) {
      await forgetChunks(id)
      if (error instanceof SwarmError) throw error
      if ((await settled(() => look(ref), ['sound'])).state !== 'sound') throw asLogFault(error, stream.name)
    }
  }

  /**
   * What fits into one message is stored without asking first: its chunk bears the digest's name, so whatever lies under
   * these two names already should be the same content, and a half of it that somebody left behind is completed.
   */
  async function storeSmall(ref: ArtifactRef, bytes: Uint8Array): Promise<void> {
    await ensure()
    const nuid = ref.sha256
    const parts = bytes.length === 0 ? [] : [publishOnce(chunkSubject(bucket, nuid), bytes)]
    const meta = metaOf(bucket, ref, { nuid, size: bytes.length, chunks: parts.length })
    const outcomes = await Promise.all([...parts, publishOnce(metaSubject(bucket, ref), meta)])
    if (outcomes.includes('there')) await store(ref, partsOf(bytes))
  }

  /** Both are sent before either is answered, and a single server stores them in that order. */
  async function publishOnce(subject: string, data: Uint8Array | string): Promise<'stored' | 'there'> {
    try {
      await (await js()).publish(subject, data, { expect: NOTHING_THERE })
      return 'stored'
    } catch (error) {
      if (apiCodeOf(error) === WRONG_LAST_SEQUENCE) return 'there'
      throw asLogFault(error, stream.name)
    }
  }

  async function publishChunks(subject: string, content: AsyncIterable<Uint8Array>) {
    let [size, chunks] = [0, 0]
    for await (const part of content) {
      for (let from = 0; from < part.length; from += CHUNK_BYTES_MAX) {
        const chunk = part.subarray(from, from + CHUNK_BYTES_MAX)
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
      await streams.purge(stream.name, { filter: chunkSubject(bucket, id) })
    } catch (error) {
      const fault = asLogFault(error, stream.name)
      if (!isSwarmError(fault, 'not_authorized') && !isSwarmError(fault, 'log_unreachable')) throw fault
    }
  }

  /** Nobody takes an artifact away again, so what this client has stored or found sound is there. */
  const known = new Set<string>()
  async function once(ref: ArtifactRef, storing: () => Promise<void>): Promise<ArtifactRef> {
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
    return once(ref, () => (bytes.length > CHUNK_BYTES_MAX ? store(ref, partsOf(bytes)) : storeSmall(ref, bytes)))
  }

  return {
    put,
    async putFile(path) {
      const ref = await digestFile(path)
      if (ref.bytes <= CHUNK_BYTES_MAX) return put(await readFile(path))
      return once(ref, () => store(ref, fileParts(path, ref)))
    },
    async get(ref) {
      let chunks: Uint8Array[] = []
      const reading = () => {
        chunks = []
        return look(ref, (chunk) => chunks.push(chunk))
      }
      const { state } = await settled(reading, ['sound'])
      if (state !== 'sound') throw faultOf(ref, state)
      return Buffer.concat(chunks)
    },
  }
}

function faultOf(ref: ArtifactRef, state: 'absent' | 'corrupt'): SwarmError {
  const name = artifactName(ref.sha256)
  if (state === 'absent') return new SwarmError('artifact_missing', `there is no artifact ${name}`, { details: ref })
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
  const options = { highWaterMark: CHUNK_BYTES_MAX }
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
