import { afterAll, beforeAll, expect, it } from 'vitest'
import { connectNats, type NatsLink } from '../../src/adapters/nats/connection.ts'
import { ensureLogStream, natsEventLog } from '../../src/adapters/nats/event-log.ts'
import { collect, positionsOf, times } from '../support/log-access.ts'
import { startTestServer, type TestServer } from '../support/nats-server.ts'
import { ensureLosingStream, loseMessage } from '../support/lossy-stream.ts'
import { eventLogContract } from './event-log.contract.ts'
import { lossLaws, type LosingLog } from './event-log-loss.contract.ts'
import { sha256 } from '../support/events.ts'
import { put } from '../support/put.ts'

let server: TestServer
let namespaces = 0
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

async function open(makeStream: (link: NatsLink) => Promise<void>): Promise<LosingLog> {
  namespaces += 1
  const namespace = `n${namespaces}`
  const connect = () => connectNats({ servers: server.url, namespace })
  const link = await connect()
  const links = [link]
  await makeStream(link)
  return {
    log: natsEventLog(link, link.names, sha256),
    async another() {
      const other = await connect()
      links.push(other)
      return natsEventLog(other, other.names, sha256)
    },
    plant: (sessionId, noun, body) => put(link.nc, link.names.event(sessionId, noun), body),
    lose: (position) => loseMessage(link, position),
    async close() {
      for (const each of links) await each.close()
    },
  }
}

eventLogContract('nats', () => open((link) => ensureLogStream(link, link.names)))
lossLaws('nats', () => open(ensureLosingStream))

it('reads more than one batch holds, whatever is in it', async () => {
  const link = await connectNats({ servers: server.url, namespace: 'large' })
  await ensureLogStream(link, link.names)
  const log = natsEventLog(link, link.names, sha256)
  const [many, large] = [2_500, 5]
  // A message without a body looks like the end of a batch, and five large ones are more than a batch may weigh.
  const bodies = [...times(many, (n) => (n % 600 === 5 ? '' : 'x')), ...times(large, () => 'x'.repeat(900_000))]
  // Each is acknowledged: a server that syncs two thousand at once answers nothing else meanwhile, on a slow disk for long.
  const send = (body: string) => put(link.nc, link.names.event('S1', 'turn'), body)
  while (bodies.length > 0) await Promise.all(bodies.splice(0, 250).map(send))
  const all = times(many + large, (n) => n + 1)
  expect(positionsOf(await log.read('S1'))).toEqual(all)
  expect(positionsOf(await collect(log, { after: 0, once: true }))).toEqual(all)
  expect(positionsOf(await collect(log, { after: many, once: true, filter: { nouns: ['turn'] } }))).toEqual(
    all.slice(many),
  )
  await link.close()
})
