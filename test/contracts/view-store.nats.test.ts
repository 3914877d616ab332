import { Kvm } from '@nats-io/kv'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { headers } from '@nats-io/transport-node'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectNats } from '../../src/adapters/nats/connection.ts'
import { CHECKPOINT_KEY, decodeKey, encodeKey } from '../../src/adapters/nats/kv-keys.ts'
import { makeNamespace } from '../../src/adapters/nats/namespace-streams.ts'
import { natsViewStore } from '../../src/adapters/nats/view-store.ts'
import { REFERENCE_CHARS_MAX } from '../../src/events/start-input.ts'
import { startTestServer, type TestServer } from '../support/nats-server.ts'
import { put } from '../support/put.ts'
import { viewStoreContract } from './view-store.contract.ts'

let server: TestServer
let namespaces = 0
beforeAll(async () => {
  server = await startTestServer({ config: roles })
})
afterAll(() => server.stop())

/** The default user, and one who may read by direct get and nothing else. */
function roles(user: string, password: string): string {
  const reads = '{ publish: "$JS.API.DIRECT.GET.>", subscribe: "_INBOX_reader.>" }'
  const users = [
    `{ user: ${user}, password: "${password}" }`,
    `{ user: reader, password: "${password}", permissions: ${reads} }`,
  ]
  return `authorization { users: [${users.join(', ')}] }`
}

async function open() {
  const link = await connectNats({ servers: server.url, namespace: `n${++namespaces}` })
  const other = await connectNats({ servers: server.url, namespace: link.names.namespace })
  return {
    ...link,
    store: natsViewStore(link.nc, link.names),
    another: () => natsViewStore(other.nc, link.names),
    async close() {
      await link.close()
      await other.close()
    },
  }
}

viewStoreContract('nats', open)

it('what is no view is on disk when it is acknowledged', async () => {
  const under = await open()
  const made = await makeNamespace(under, ['registry'])
  const { streams } = await jetstreamManager(under.nc)
  const configs = await Promise.all(made.map(async (name) => (await streams.info(name)).config))
  const waiting = configs.filter(({ persist_mode }) => persist_mode !== 'async').map(({ name }) => name)
  const { stream, leaseBucket, artifactBucket, viewBucket } = under.names
  expect(waiting.toSorted()).toEqual([`KV_${leaseBucket}`, `OBJ_${artifactBucket}`, stream].toSorted())
  expect(made).toContain(`KV_${viewBucket('registry')}`)
  await under.close()
})

it('a key that is none of ours stands for none of ours', async () => {
  const under = await open()
  await under.store.put('registry', [{ key: 'S1', position: 1, document: { true: 1 } }])
  for (const key of ['S=31', '=41', '=FF', '=', '=FF'.repeat(800)])
    await put(under.nc, `$KV.${under.names.viewBucket('registry')}.${key}`, '{"position":1,"document":{}}')
  const listed: string[] = []
  for await (const { key } of under.store.list('registry')) listed.push(key)
  expect(listed.toSorted()).toEqual(['', 'S1'])
  await under.close()
})

describe('for other NATS clients', () => {
  it('a view is a bucket with plain keys and JSON values, whose writes need not wait for the disk', async () => {
    const under = await open()
    const { store, nc, names } = under
    await store.put('registry-1', [{ key: 'S1', position: 7, document: { phase: 'queued' } }])
    const kv = await new Kvm(nc).open(names.viewBucket('registry-1'))
    expect((await kv.get('S1'))?.json()).toEqual({ position: 7, document: { phase: 'queued' } })
    const { config } = await (await jetstreamManager(nc)).streams.info(`KV_${names.viewBucket('registry-1')}`)
    expect(config).toMatchObject({ persist_mode: 'async', max_msgs_per_subject: 1 })
    await under.close()
  })

  it('foreign values are told of as no document, and are replaced', async () => {
    const under = await open()
    const { store, nc, names } = under
    await store.setCheckpoint('registry-1', 1)
    const kv = await new Kvm(nc).open(names.viewBucket('registry-1'))
    const compressed = headers()
    compressed.set('Content-Encoding', 'gzip')
    await kv.put('S1', 'no JSON')
    await kv.put('S2', '{"document":{}}')
    await jetstream(nc).publish(`$KV.${names.viewBucket('registry-1')}.S3`, 'no gzip', { headers: compressed })
    await kv.put('S4', '1')
    await kv.delete('S4')
    const foreign = ['S1', 'S2', 'S3'].map((key) => ({ key, position: 0, document: null }))
    const listed = []
    for await (const document of store.list('registry-1')) listed.push(document)
    expect(listed).toEqual(foreign)
    expect(await store.find('registry-1', ['S1', 'S2', 'S3', 'S4'])).toEqual(foreign)
    for (const one of foreign) expect(await store.get('registry-1', one.key)).toEqual(one)
    expect(await store.get('registry-1', 'S4')).toBeNull()
    await store.put(
      'registry-1',
      foreign.map((one) => ({ ...one, position: 1, document: 1 })),
    )
    expect((await store.get('registry-1', 'S1'))?.document).toBe(1)
    await under.close()
  })
})

describe('a user who may only read', () => {
  const reading = (namespace: string) =>
    connectNats({
      servers: server.address,
      user: 'reader',
      password: server.password,
      inboxPrefix: '_INBOX_reader',
      namespace,
    })

  it('reads what others store, needs no bucket, and writes nothing', async () => {
    const under = await open()
    const { store, names } = under
    const reader = await reading(names.namespace)
    const readable = natsViewStore(reader.nc, names)
    expect(await readable.get('registry-1', 'S1')).toBeNull()
    for await (const document of readable.list('registry-1')) expect(document).toBeUndefined()
    await store.put('registry-1', [{ key: 'S1', position: 1, document: 1 }])
    expect((await readable.get('registry-1', 'S1'))?.document).toBe(1)
    for await (const document of readable.list('registry-1')) expect(document).toMatchObject({ key: 'S1' })
    const put = readable.put('registry-1', [{ key: 'S1', position: 2, document: 2 }])
    await expect(put).rejects.toMatchObject({ code: 'not_authorized' })
    await reader.close()
    await under.close()
  })
})

describe('keys of a bucket', () => {
  it('come back as they were, are valid, and never collide', () => {
    const odd = fc.string({ unit: fc.constantFrom('.', '=', '4', 'A', 'c', 'é', '/'), maxLength: 6 })
    const keys = fc.oneof(odd, fc.string({ unit: 'binary', maxLength: 30 }))
    const law = fc.property(keys, keys, (left, right) => {
      const encoded = encodeKey(left)
      const valid = /^[\w\-/=]+(\.[\w\-/=]+)*$/.test(encoded) && encoded !== CHECKPOINT_KEY
      const distinct = (encodeKey(right) === encoded) === (left === right)
      return valid && distinct && decodeKey(encoded) === left
    })
    expect(() => fc.assert(law)).not.toThrow()
  })

  it('stay as they are when they can', () => {
    for (const key of ['S1', 'a-b_C/9', 'a.b', '0190.x/1']) expect(encodeKey(key)).toBe(key)
    expect(encodeKey('owner/repo#12')).toBe('owner/repo=2312')
  })

  it('may be as long as any reference of a session, in any script', async () => {
    const under = await open()
    for (const character of ['x', '日', '#', '😀']) {
      const key = `objective/${character.repeat(REFERENCE_CHARS_MAX / character.length)}`
      await under.store.put('related-sessions-1', [{ key, position: 1, document: 1 }])
      expect(await under.another().get('related-sessions-1', key)).toEqual({ key, position: 1, document: 1 })
    }
    await under.close()
  })

  it('are refused when they are no Unicode or too long', () => {
    for (const key of ['\ud800', 'x'.repeat(2_561)]) expect(() => encodeKey(key)).toThrow(/a key m/)
  })
})
