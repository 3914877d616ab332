import { afterAll, beforeAll, expect, it } from 'vitest'
import { connectNats } from '../../src/adapters/nats/connection.ts'
import { natsLeaseStore } from '../../src/adapters/nats/lease-store.ts'
import type { LeaseChange, LeaseHolder } from '../../src/runtime/ports.ts'
import { startTestServer, type TestServer } from '../support/nats-server.ts'
import { until } from '../support/until.ts'
import { put } from '../support/put.ts'
import { leaseStoreContract } from './lease-store.contract.ts'

let server: TestServer
let namespaces = 0
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

async function open() {
  const link = await connectNats({ servers: server.url, namespace: `n${++namespaces}` })
  const other = await connectNats({ servers: server.url, namespace: link.names.namespace })
  return {
    store: natsLeaseStore(link.nc, link.names),
    another: () => natsLeaseStore(other.nc, link.names),
    pass: async () => {},
    async close() {
      await link.close()
      await other.close()
    },
  }
}

leaseStoreContract('nats', open)

it('a watcher hears what happened while the server was away', async () => {
  const holder: LeaseHolder = { runnerId: 'ann', host: 'here', pid: 7, processStartedAt: '1' }
  const under = await open()
  const { store, another } = under
  const watching = new AbortController()
  const heard: LeaseChange[] = []
  void (async () => {
    for await (const change of another().watch(watching.signal)) heard.push(change)
  })()
  await store.acquire('short', holder, 1000)
  const lease = await store.acquire('long', holder, 60_000)
  await until('both are heard of', () => heard.filter(({ kind }) => kind === 'held').length === 2)
  await server.kill()
  await server.restart()
  await until('the lease that ended is heard of', () =>
    heard.some((change) => change.kind === 'free' && change.key === 'short'),
  )
  if (lease === null) throw new Error('not acquired')
  expect(await store.renew(lease, holder, 60_000)).toMatchObject({ key: 'long' })
  watching.abort()
  await under.close()
})

it('a value that names no holder hides no other lease, and is free to take', async () => {
  const holder: LeaseHolder = { runnerId: 'ann', host: 'here', pid: 7, processStartedAt: '1' }
  const link = await connectNats({ servers: server.url, namespace: `n${++namespaces}` })
  const store = natsLeaseStore(link.nc, link.names)
  await store.acquire('sound', holder, 60_000)
  for (const [key, value] of Object.entries({ garbage: 'garbage', empty: '{}', number: '7' })) {
    await put(link.nc, `$KV.${link.names.leaseBucket}.${key}`, value)
  }
  const watching = new AbortController()
  const heard: LeaseChange[] = []
  for await (const change of store.watch(watching.signal)) {
    heard.push(change)
    if (change.kind === 'current') watching.abort()
  }
  expect(heard).toEqual([{ kind: 'held', key: 'sound', holder }, { kind: 'current' }])
  expect(await store.holder('garbage')).toBeNull()
  expect(await store.acquire('garbage', holder, 60_000)).toMatchObject({ key: 'garbage' })
  expect(await store.holder('garbage')).toEqual(holder)
  await link.close()
})
