import { createHash } from 'node:crypto'
import { Objm } from '@nats-io/obj'
import { afterAll, beforeAll, expect, it } from 'vitest'
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
  const name = artifactName(ref.sha256)
  await put(nc, `$O.${names.artifactBucket}.C.fake`, 'fake')
  const meta = { name, bucket: names.artifactBucket, nuid: 'fake', size: 4, chunks: 1 }
  const encoded = Buffer.from(name).toString('base64').replaceAll('+', '-').replaceAll('/', '_')
  await put(nc, `$O.${names.artifactBucket}.M.${encoded}`, JSON.stringify(meta))
  await expect(store.get(ref)).rejects.toMatchObject({ code: 'history_corrupt' })
  await under.close()
})
