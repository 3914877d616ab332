/** Much of the log is read by a consumer, and what is new is followed by one: nothing may depend on its life. */
import { jetstreamManager } from '@nats-io/jetstream'
import { headers } from '@nats-io/transport-node'
import { afterEach, describe, expect, it } from 'vitest'
import { connectNats, type NatsLink } from '../../src/adapters/nats/connection.ts'
import { ensureLogStream, natsEventLog } from '../../src/adapters/nats/event-log.ts'
import { sha256, trailOf } from '../support/events.ts'
import { collect, positionsOf, read, times } from '../support/log-access.ts'
import { startTestServer } from '../support/nats-server.ts'
import { until } from '../support/until.ts'

const MANY = 2_400
/** The server stores what is sent together one by one, and makes sure of each. */
const SENT_TOGETHER = 100
const endings: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end()
})

async function opened(messages: number) {
  const server = await startTestServer()
  endings.push(server.stop)
  const link = await connectNats({ servers: server.url, namespace: 'bulk' })
  endings.push(() => link.close())
  await ensureLogStream(link, link.names)
  const log = natsEventLog(link, link.names, sha256)
  const send = (n: number) => link.nc.request(link.names.event(`S${n % 7}`, 'turn'), 'x', { timeout: 10_000 })
  for (let sent = 0; sent < messages; sent += SENT_TOGETHER) {
    await Promise.all(times(Math.min(SENT_TOGETHER, messages - sent), (n) => send(sent + n)))
  }
  return { server, link, log, all: times(messages, (n) => n + 1) }
}

async function consumersOf({ nc, names }: NatsLink) {
  const { consumers } = await jetstreamManager(nc)
  const found: string[] = []
  for await (const { name } of consumers.list(names.stream)) found.push(name)
  return found
}

async function endConsumers(link: NatsLink): Promise<number> {
  const found = await consumersOf(link)
  const { consumers } = await jetstreamManager(link.nc)
  for (const name of found) await consumers.delete(link.names.stream, name)
  return found.length
}

describe('a long read', () => {
  it('goes on where it was when its consumer is taken away', async () => {
    const { link, log, all } = await opened(MANY)
    const reading = read(log, { after: 0 })
    const start = await reading.take(900)
    expect(await endConsumers(link)).toBeGreaterThan(0)
    expect(positionsOf([...start, ...(await reading.until(MANY))])).toEqual(all)
    await reading.end()
  })

  it('goes on where it was when the server dies', async () => {
    const { server, log, all } = await opened(MANY)
    const reading = read(log, { after: 0 })
    const start = await reading.take(900)
    await server.kill()
    await server.restart()
    expect(positionsOf([...start, ...(await reading.until(MANY))])).toEqual(all)
    await reading.end()
  })

  it('of one session among others is whole, and leaves no consumer behind', async () => {
    const { link, log, all } = await opened(MANY)
    expect(positionsOf(await log.read('S3'))).toEqual(all.filter((position) => (position - 1) % 7 === 3))
    expect(positionsOf(await collect(log, { after: 17, once: true }))).toEqual(all.slice(17))
    await until('no consumer is left', async () => (await consumersOf(link)).length === 0)
  })
})

describe('a reader at the live end', () => {
  it('gets what is new whether or not its consumer lives', async () => {
    const { link, log } = await opened(1)
    const reading = read(log, { after: 0, filter: { nouns: ['turn', 'start'] } })
    await reading.take(2)
    for (const [n, trail] of times(3, (n) => trailOf(`T${n}`)).entries()) {
      const coming = reading.take(1)
      if (n === 1) {
        await until('it follows by a consumer, which is ended', async () => (await endConsumers(link)) === 1)
      }
      const position = await log.append(trail.next(), 0)
      expect(positionsOf(await coming)).toEqual([position])
    }
    await reading.end()
    await until('no consumer is left', async () => (await consumersOf(link)).length === 0)
  })
})

it('believes the server about a message, not headers that its writer made up', async () => {
  const { link, log } = await opened(0)
  const { nc, names } = link
  const made = headers()
  for (const [name, value] of Object.entries({ Subject: names.event('S9', 'turn'), Sequence: '99', Stream: 'OTHER' })) {
    made.set(`Nats-${name}`, value)
    made.append('X-More', `Nats-${name}: 77`)
  }
  const live = read(log, { after: 0 })
  await live.take(1)
  const event = trailOf('S1').next()
  await nc.request(names.event('S1', 'start'), JSON.stringify(event), { headers: made, timeout: 5_000 })
  const [seen] = await live.take(1)
  expect(seen).toMatchObject({ kind: 'event', position: 1, event: { id: event.id } })
  expect(await log.read('S1')).toEqual([seen])
  expect(await collect(log, { after: 0, once: true })).toMatchObject([seen, { kind: 'caught_up', position: 1 }])
  await live.end()
})
