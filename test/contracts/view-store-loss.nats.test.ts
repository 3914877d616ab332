/**
 * A server that was killed, or lost its power, may lack the latest of what it acknowledged for views. What it could lose
 * is taken from it here; then what readers see, and what is stored in the end, has to be what the log says.
 */
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connectNats, type NatsLink } from '../../src/adapters/nats/connection.ts'
import { CHECKPOINT_KEY } from '../../src/adapters/nats/kv-keys.ts'
import { ensureLogStream } from '../../src/adapters/nats/log-stream.ts'
import { projections } from '../../src/projections/catalog.ts'
import { VIEW_NAMES, storeNameOf } from '../../src/projections/names.ts'
import type { Projecting } from '../../src/runtime/projector.ts'
import { viewAt } from '../../src/runtime/views.ts'
import { inputOf } from '../support/facts.ts'
import { finish, tell } from '../support/histories.ts'
import { startTestServer, type TestServer } from '../support/nats-server.ts'
import {
  current,
  expectRight,
  portsOf,
  startKeeping,
  STORES,
  type StoredPorts,
  wrongOnceCurrent,
} from '../support/stored-views.ts'
import { appendInterleaved, eventsAs } from '../support/told-log.ts'
import { until } from '../support/until.ts'

const history = finish(tell({ front: { hooks: { before_run: 'x' } }, input: inputOf() }, [0, 0, 0, 0]))
const session = (id: string) => eventsAs(id, history, { run: 'run' })

let server: TestServer
let link: NatsLink
const projecting: Projecting[] = []
beforeEach(async () => {
  server = await startTestServer()
  link = await connectNats({ servers: server.url, namespace: 'default' })
  await ensureLogStream(link, link.names)
})
afterEach(async () => {
  await Promise.all(projecting.splice(0).map((one) => one.stop()))
  await link.close()
  await server.stop()
})

function keep(ports: StoredPorts): Projecting {
  const one = startKeeping(ports)
  projecting.push(one)
  return one
}

async function restart(): Promise<void> {
  await server.kill()
  await server.restart()
  await until('the connection is back', () => link.connected())
}

/** Takes single messages out of the stored views, as a disk may lack them that kept later ones. */
async function takeAway(keep: (key: string) => boolean): Promise<number> {
  const { streams } = await jetstreamManager(link.nc)
  let taken = 0
  for (const name of STORES) {
    const stream = `KV_${link.names.viewBucket(name)}`
    const { state } = await streams.info(stream, { subjects_filter: '>' })
    for (const subject of Object.keys(state.subjects ?? {})) {
      const key = subject.split('.').slice(2).join('.')
      if (key === CHECKPOINT_KEY || keep(key)) continue
      const message = await streams.getMessage(stream, { last_by_subj: subject })
      if (message !== null && (await streams.deleteMessage(stream, message.seq))) taken += 1
    }
  }
  return taken
}

describe('after the server was killed', () => {
  it('readers see all that the log says, although documents are gone and their checkpoint is not', async () => {
    const ports = portsOf(link)
    await appendInterleaved(ports.log, [session('S1'), session('S2')])
    const kept = keep(ports)
    await current(ports)
    await kept.stop()
    expect(await takeAway((key) => key.startsWith('S2'))).toBeGreaterThan(VIEW_NAMES.length)
    await restart()
    await expectRight(ports)
    for (const name of STORES) expect(await ports.views.checkpoint(name)).toBe(0)
    keep(ports)
    expect(await wrongOnceCurrent(ports)).toEqual([])
  })

  it('who keeps the views notices what is gone, and stores it again', async () => {
    const ports = portsOf(link)
    await appendInterleaved(ports.log, [session('S1'), session('S2')])
    keep(ports)
    await current(ports)
    await takeAway(() => false)
    await restart()
    await appendInterleaved(ports.log, [session('S3')])
    expect(await wrongOnceCurrent(ports)).toEqual([])
  })

  it('a view whose latest writes are gone, checkpoint and all, is made whole', async () => {
    const ports = portsOf(link)
    await appendInterleaved(ports.log, [session('S1')])
    keep(ports)
    await current(ports)
    await server.kill()
    const streams = (at: string) => join(at, 'jetstream', '$G', 'streams')
    await cp(streams(server.store), join(server.store, 'earlier'), { recursive: true })
    await server.restart()
    await until('the connection is back', () => link.connected())
    await appendInterleaved(ports.log, [session('S2')])
    await current(ports)
    await server.kill()
    for (const name of STORES) {
      const stream = `KV_${link.names.viewBucket(name)}`
      await rm(join(streams(server.store), stream), { recursive: true })
      await cp(join(server.store, 'earlier', stream), join(streams(server.store), stream), { recursive: true })
    }
    await server.restart()
    await until('the connection is back', () => link.connected())
    await expectRight(ports)
    await appendInterleaved(ports.log, [session('S3')])
    expect(await wrongOnceCurrent(ports)).toEqual([])
  })
})

it('views that an earlier release stored are gone on with', async () => {
  const ports = portsOf(link)
  await appendInterleaved(ports.log, [session('S1')])
  const head = await ports.log.head()
  const { streams } = await jetstreamManager(link.nc)
  for (const view of VIEW_NAMES) {
    const bucket = link.names.viewBucket(storeNameOf(projections[view]))
    await streams.add({
      name: `KV_${bucket}`,
      subjects: [`$KV.${bucket}.>`],
      max_msgs_per_subject: 1,
      allow_direct: true,
    })
    const documents = await viewAt(ports, view, head)
    await ports.views.put(storeNameOf(projections[view]), documents)
    link.nc.publish(`$KV.${bucket}.${CHECKPOINT_KEY}`, JSON.stringify({ position: head, document: null }))
  }
  for (const view of VIEW_NAMES) expect(await ports.views.checkpoint(storeNameOf(projections[view]))).toBe(head)
  await appendInterleaved(ports.log, [session('S2')])
  keep(ports)
  await current(ports)
  await expectRight(ports)
})
