import { createHash } from 'node:crypto'
import { jetstreamManager } from '@nats-io/jetstream'
import { Objm } from '@nats-io/obj'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chunkSubject, metaOf, metaSubject } from '../../src/adapters/nats/artifact-object.ts'
import { natsArtifactStore } from '../../src/adapters/nats/artifact-store.ts'
import { connectNats } from '../../src/adapters/nats/connection.ts'
import { artifactName } from '../../src/events/subjects.ts'
import { startTestServer, type TestServer } from '../support/nats-server.ts'
import { put } from '../support/put.ts'
import { artifactStoreContract } from './artifact-store.contract.ts'

let server: TestServer
let namespaces = 0
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

async function open() {
  const link = await connectNats({ servers: server.url, namespace: `n${++namespaces}` })
  const other = await connectNats({ servers: server.url, namespace: link.names.namespace })
  const bucket = () => new Objm(link.nc).open(link.names.artifactBucket)
  return {
    ...link,
    store: natsArtifactStore(link.nc, link.names),
    another: () => natsArtifactStore(other.nc, link.names),
    count: async () => (await (await bucket()).list()).length,
    bucket,
    async close() {
      await link.close()
      await other.close()
    },
  }
}

artifactStoreContract('nats', open)

it('can be read by any object store client', async () => {
  const under = await open()
  const { store, bucket } = under
  const { sha256 } = await store.put('for everyone')
  const content = await (await bucket()).getBlob(artifactName(sha256))
  expect(Buffer.from(content ?? []).toString()).toBe('for everyone')
  await under.close()
})

it('leaves no chunks behind when two store the same', async () => {
  const under = await open()
  const { store, another, bucket } = under
  await Promise.all([store.put('same'), another().put('same'), another().put('same')])
  const { streamInfo } = await (await bucket()).status()
  expect(streamInfo.state.messages).toBe(2)
  await under.close()
})

it('completes what a client that died in the middle left behind', async () => {
  const under = await open()
  const { store, another, nc, names, bucket } = under
  const ref = await store.put('first')
  const digest = createHash('sha256').update('half').digest('hex')
  await put(nc, `$O.${names.artifactBucket}.C.${digest}`, 'half')
  const half = await another().put('half')
  expect(half).toEqual({ sha256: digest, bytes: 4 })
  for (const [known, text] of [[ref, 'first'] as const, [half, 'half'] as const]) {
    expect(Buffer.from(await store.get(known)).toString()).toBe(text)
  }
  const { streamInfo } = await (await bucket()).status()
  expect(streamInfo.state.messages).toBe(4)
  await under.close()
})

it('refuses content that somebody has put in the place of the stored one', async () => {
  const under = await open()
  const { store, nc, names } = under
  const ref = await store.put('true')
  const bucket = names.artifactBucket
  await put(nc, chunkSubject(bucket, 'fake'), 'fake')
  await put(nc, metaSubject(bucket, ref), metaOf(bucket, ref, { nuid: 'fake', size: 4, chunks: 1 }))
  await expect(store.get(ref)).rejects.toMatchObject({ code: 'history_corrupt' })
  await under.close()
})

describe.each([
  ['of one message', 'small'],
  ['of several', 'large'.repeat(60_000)],
])('an artifact %s that was damaged', (_, content) => {
  it.each(['garbage', '{}', '[]', '{"nuid":"a.>","size":5}'])(
    'is no artifact when %s describes it, and is stored anew by whoever has it',
    async (meta) => {
      const under = await open()
      const { store, another, nc, names, bucket } = under
      const ref = await store.put(content)
      await put(nc, metaSubject(names.artifactBucket, ref), meta)
      const message = `the artifact ${artifactName(ref.sha256)} is not what was stored`
      await expect(store.get(ref)).rejects.toMatchObject({ code: 'history_corrupt', message })
      const [first, second] = [another(), another()]
      expect(await Promise.all([first.put(content), second.put(content)])).toEqual([ref, ref])
      expect(Buffer.from(await store.get(ref)).toString()).toBe(content)
      const blob = await (await bucket()).getBlob(artifactName(ref.sha256))
      expect(Buffer.from(blob ?? []).toString()).toBe(content)
      await under.close()
    },
  )

  it.each(['replaced', 'taken away'])('is stored anew when a chunk was %s', async (damage) => {
    const under = await open()
    const { store, another, nc, bucket } = under
    const ref = await store.put(content)
    const { streamInfo } = await (await bucket()).status()
    const { streams } = await jetstreamManager(nc)
    const chunk = await streams.getMessage(streamInfo.config.name, { seq: 1 })
    await streams.deleteMessage(streamInfo.config.name, 1)
    if (damage === 'replaced') await put(nc, chunk?.subject ?? '', 'x'.repeat(chunk?.data.length ?? 0))
    await expect(store.get(ref)).rejects.toMatchObject({ code: 'history_corrupt' })
    expect(await another().put(content)).toEqual(ref)
    expect(Buffer.from(await store.get(ref)).toString()).toBe(content)
    await under.close()
  })

  it('is stored anew when a client of other rights has deleted it', async () => {
    const under = await open()
    const { store, another, nc, names } = under
    const ref = await store.put(content)
    const deleted = { nuid: 'none', size: 0, chunks: 0, deleted: true }
    await put(nc, metaSubject(names.artifactBucket, ref), JSON.stringify(deleted))
    await expect(store.get(ref)).rejects.toMatchObject({ code: 'artifact_missing' })
    expect(await another().put(content)).toEqual(ref)
    expect(Buffer.from(await store.get(ref)).toString()).toBe(content)
    await under.close()
  })
})
