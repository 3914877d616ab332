/**
 * What others put into the stores of views, and views of another log: what readers see, and what is stored in the end,
 * has to be what the log says all the same.
 */
import { jetstream } from '@nats-io/jetstream'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { connectNats, type NatsLink } from '../../src/adapters/nats/connection.ts'
import { CHECKPOINT_KEY, encodeKey } from '../../src/adapters/nats/kv-keys.ts'
import { ensureLogStream } from '../../src/adapters/nats/log-stream.ts'
import { INDEXES, storeNameOf, VIEWS } from '../../src/projections/names.ts'
import type { StoredDocument } from '../../src/runtime/ports.ts'
import type { Projecting } from '../../src/runtime/projector.ts'
import { foreignIn } from '../../src/runtime/stored-view.ts'
import { createSwarm } from '../../src/runtime/swarm.ts'
import { exportAce } from '../../src/runtime/transfer/export-ace.ts'
import { inputOf } from '../support/facts.ts'
import { finish, tell } from '../support/histories.ts'
import { startTestServer, type TestServer } from '../support/nats-server.ts'
import {
  current,
  expectRight,
  KEPT,
  portsOf,
  startKeeping,
  STORES,
  type StoredPorts,
  wrongIn,
  wrongOnceCurrent,
} from '../support/stored-views.ts'
import { appendInterleaved, eventsAs } from '../support/told-log.ts'
import { until } from '../support/until.ts'

const front = { hooks: { before_run: 'x' } }
const input = inputOf({ objective_id: 'O1' })
const history = finish(tell({ front, input }, [0, 0, 0, 0]))
const session = (id: string) => eventsAs(id, history, { run: 'run' })
/** Far beyond the log's end. */
const BEYOND = 1_000_000

let server: TestServer
let link: NatsLink
let namespaces = 0
const projecting: Projecting[] = []
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())
beforeEach(async () => {
  link = await connectNats({ servers: server.url, namespace: `n${++namespaces}` })
  await ensureLogStream(link, link.names)
})
afterEach(async () => {
  await Promise.all(projecting.splice(0).map((one) => one.stop()))
  await link.close()
})

function keep(ports: StoredPorts): Projecting {
  const one = startKeeping(ports)
  projecting.push(one)
  return one
}

/** Writes to a view's bucket as any NATS client may. */
async function plant(store: string, key: string, value: unknown): Promise<void> {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  await jetstream(link.nc).publish(`$KV.${link.names.viewBucket(store)}.${key}`, text)
}

async function documentsIn({ views }: StoredPorts, store: string): Promise<StoredDocument[]> {
  const documents: StoredDocument[] = []
  for await (const document of views.list(store)) documents.push(document)
  return documents
}

/** Puts something in the place of each document of every view and index. */
async function spoil(ports: StoredPorts, inPlaceOf: (document: StoredDocument) => unknown): Promise<void> {
  for (const store of STORES)
    for (const stored of await documentsIn(ports, store)) await plant(store, encodeKey(stored.key), inPlaceOf(stored))
}

/** S1 is finished, S2 in the midst of its work, and the rest of its events. */
async function projected() {
  const ports = portsOf(link)
  const events = session('S2')
  const later = events.splice(events.length / 2)
  await appendInterleaved(ports.log, [session('S1'), events])
  const kept = keep(ports)
  await current(ports)
  await kept.stop()
  const go = async () => {
    let version = (await ports.log.read('S2')).at(-1)?.position ?? 0
    for (const event of later) version = await ports.log.append(event, version)
  }
  return { ports, go }
}

/** What comes of the indexes and of the export, besides the views. */
async function lookedUp(ports: StoredPorts) {
  const swarm = createSwarm(ports, { source: 'client/c1' })
  const files = new Map<string, unknown>()
  await exportAce({ ...ports, clock: { ...ports.clock, now: () => 0 } }, async (path, text) => {
    files.set(path, JSON.parse(text))
  })
  return {
    newest: await swarm.list({ limit: 10 }),
    recalled: await swarm.recall({ ...input, session_id: 'S9' }),
    files: Object.fromEntries(files),
  }
}

const FOREIGN: [string, (stored: StoredDocument) => unknown][] = [
  ['no JSON', () => 'zzz'],
  ['without a position', ({ document }) => ({ document })],
  ['of another shape', ({ position }) => ({ position, document: { foo: 1 } })],
  ['a number', ({ position }) => ({ position, document: 5 })],
  ['null', ({ position }) => ({ position, document: null })],
  ['from beyond the end of the log', ({ document }) => ({ position: BEYOND, document })],
]

describe.each(FOREIGN)('a stored value that is %s', (_, foreign) => {
  it('counts as missing for every reader', async () => {
    const { ports } = await projected()
    const right = await lookedUp(ports)
    await spoil(ports, foreign)
    await expectRight(ports)
    expect(await lookedUp(ports)).toEqual(right)
    expect(await createSwarm(ports, { source: 'client/c1' }).wait('S1')).toMatchObject({ ok: true })
  })

  it('gives way to what the log says, whoever keeps the views', async () => {
    const { ports, go } = await projected()
    await spoil(ports, foreign)
    keep(ports)
    await go()
    await appendInterleaved(ports.log, [session('S3')])
    const left = async () => (await Promise.all(KEPT.map((one) => foreignIn(ports, one)))).flat()
    await until('what was gone on with is right', async () => (await left()).every(({ key }) => key.startsWith('S1')))
    await current(ports)
    await expectRight(ports)
    expect(await ports.views.get('registry', 'S2')).toMatchObject({ document: { phase: 'closed' } })
  })

  it('is put right by a rebuild, and taken out where nothing should be', async () => {
    const { ports } = await projected()
    for (const store of STORES) await plant(store, 'S9', foreign({ key: 'S9', position: 1, document: {} }))
    await spoil(ports, foreign)
    for (const store of STORES) expect((await documentsIn(ports, store)).map(({ key }) => key)).toContain('S9')
    expect((await wrongIn(ports)).length).toBe(STORES.length)
    expect(await wrongIn(ports)).toEqual([])
    for (const one of KEPT) expect(await foreignIn(ports, one)).toEqual([])
    for (const store of STORES) expect(await ports.views.get(store, 'S9')).toBeNull()
    await expectRight(ports)
  })
})

describe('a view that is said to be complete beyond the end of the log', () => {
  async function ahead(ports: StoredPorts) {
    const generation = ports.views.generation()
    for (const store of STORES)
      await plant(store, CHECKPOINT_KEY, { position: BEYOND, document: null, generation, settled: BEYOND })
  }

  it('is folded from the log by readers', async () => {
    const { ports, go } = await projected()
    await ahead(ports)
    await go()
    await appendInterleaved(ports.log, [session('S3')])
    await expectRight(ports)
    const { newest, recalled } = await lookedUp(ports)
    expect(newest.map(({ session_id }) => session_id)).toEqual(['S3', 'S2', 'S1'])
    expect(recalled).toHaveLength(3)
  })

  it('is made anew by who keeps it', async () => {
    const { ports, go } = await projected()
    await ahead(ports)
    keep(ports)
    await go()
    await appendInterleaved(ports.log, [session('S3')])
    expect(await wrongOnceCurrent(ports)).toEqual([])
  })

  it('is so too when documents are from there as well, as of a log that was restored from a backup', async () => {
    const { ports, go } = await projected()
    await spoil(ports, ({ document }) => ({ position: BEYOND, document }))
    await ports.views.put(storeNameOf(VIEWS.registry), [
      { key: 'S9', position: BEYOND, document: (await ports.views.get('registry', 'S1'))?.document },
    ])
    await ahead(ports)
    keep(ports)
    await go()
    expect(await wrongOnceCurrent(ports)).toEqual([])
    expect(await ports.views.get(storeNameOf(INDEXES.openSessions), 'open')).toMatchObject({
      document: { sessions: {} },
    })
  })
})
