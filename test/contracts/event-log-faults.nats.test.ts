/** What the log on NATS guarantees when the server, the connection or the rights fail. */
import { afterEach, describe, expect, it } from 'vitest'
import { connectNats, type NatsLink } from '../../src/adapters/nats/connection.ts'
import { ensureLogStream, natsEventLog } from '../../src/adapters/nats/event-log.ts'
import { SwarmError } from '../../src/runtime/errors.ts'
import { trailOf } from '../support/events.ts'
import { appendAll, collect, positionsOf, read, times } from '../support/log-access.ts'
import { startTestServer, type TestServer } from '../support/nats-server.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'
import { sha256 } from '../support/events.ts'

const endings: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end()
})

async function server(options?: Parameters<typeof startTestServer>[0]): Promise<TestServer> {
  const started = await startTestServer(options)
  endings.push(() => started.stop())
  return started
}

async function client(servers: string, options: { user?: string; password?: string; inboxPrefix?: string } = {}) {
  const link = await connectNats({ servers, namespace: 'faults', ...options })
  endings.push(() => link.close())
  return { link, log: natsEventLog(link, link.names, sha256) }
}

async function clientWithLog(servers: string) {
  const made = await client(servers)
  await ensureLogStream(made.link, made.link.names)
  return made
}

/** One client straight to the server, one through a proxy that can lose what passes. */
async function proxied() {
  const upstream = await server()
  const { port, user, password, url } = upstream
  const proxy = await startTcpProxy(port)
  endings.push(() => proxy.stop())
  const direct = await clientWithLog(url)
  return { upstream, proxy, direct, lossy: await client(`nats://127.0.0.1:${proxy.port}`, { user, password }) }
}

const lost = (link: NatsLink) => until('the loss is noticed', () => !link.connected())

describe('a lost acknowledgement', () => {
  it('is resolved by reading: the append returns its position', async () => {
    const { proxy, direct, lossy } = await proxied()
    const trail = trailOf('S1')
    const first = await lossy.log.append(trail.next(), 0)
    proxy.swallow('replies')
    const appending = lossy.log.append(trail.next(), first)
    await until('the event is stored', async () => (await direct.log.read('S1')).length === 2)
    proxy.cut()
    const position = await appending
    expect(await direct.log.read('S1', first)).toMatchObject([{ position }])
  })

  it('does not hide that another writer came first', async () => {
    const { proxy, direct, lossy } = await proxied()
    const [ours, theirs] = [trailOf('S1', { writer: 'us' }), trailOf('S1', { writer: 'them' })]
    proxy.swallow('requests')
    const appending = lossy.log.append(ours.next(), 0)
    const actual = await direct.log.append(theirs.next(), 0)
    proxy.cut()
    await expect(appending).rejects.toMatchObject({ code: 'wrong_expected_version', details: { expected: 0, actual } })
  })

  it('is an unknown outcome when the request itself got lost, and the same call again resolves it', async () => {
    const { proxy, direct, lossy } = await proxied()
    const event = trailOf('S1').next()
    proxy.swallow('requests')
    const appending = lossy.log.append(event, 0)
    proxy.cut()
    await expect(appending).rejects.toMatchObject({ code: 'append_outcome_unknown', retryable: true })
    const position = await lossy.log.append(event, 0)
    expect(await direct.log.read('S1')).toMatchObject([{ position }])
  })

  it('is an unknown outcome while the server stays away, and later calls fail at once', async () => {
    const { upstream, proxy, lossy } = await proxied()
    const { link, log } = lossy
    const trail = trailOf('S1')
    const version = await log.append(trail.next(), 0)
    const event = trail.next()
    proxy.swallow('requests')
    const appending = log.append(event, version)
    await upstream.kill()
    await expect(appending).rejects.toMatchObject({ code: 'append_outcome_unknown', retryable: true })
    expect(link.connected()).toBe(false)
    expect(log.reachable()).toBe(false)
    const unreachable = { code: 'log_unreachable', retryable: true }
    await expect(log.append(event, version)).rejects.toMatchObject(unreachable)
    await expect(log.read('S1')).rejects.toMatchObject(unreachable)
    await expect(log.head()).rejects.toMatchObject(unreachable)
    proxy.cut()
    await upstream.restart()
    await until('it is connected again', () => log.reachable())
    const position = await log.append(event, version)
    expect(positionsOf(await log.read('S1'))).toEqual([version, position])
  })
})

describe('a server restart', () => {
  it('neither loses nor repeats anything for readers, and appends go on', async () => {
    const { url, kill, restart } = await server()
    const { log } = await clientWithLog(url)
    const reader = await client(url)
    const trail = trailOf('S1')
    const readings = [read(reader.log, { after: 0 }), read(reader.log, { after: 0, filter: { sessionId: 'S1' } })]
    const positions = await appendAll(log, trail.events(5))
    for (const reading of readings) await reading.until(positions.at(-1) ?? 0)
    for (let round = 0; round < 3; round++) {
      await kill()
      await restart()
      // One client may be back before the other: what is appended meanwhile is what the reader must not miss.
      await until('appends are possible', () => log.reachable())
      const before = positions.length
      for (const event of trail.events(5)) positions.push(await log.append(event, positions.at(-1) ?? 0))
      for (const reading of readings) {
        expect(positionsOf(await reading.until(positions.at(-1) ?? 0))).toEqual(positions.slice(before))
      }
    }
    for (const reading of readings) await reading.end()
    expect(positionsOf(await log.read('S1'))).toEqual(positions)
  })

  it('keeps what was acknowledged, and a writer that retries writes nothing twice', async () => {
    const { url, kill, restart } = await server()
    const { log } = await clientWithLog(url)
    const trail = trailOf('S1')
    const events = trail.events(60)
    const crash = (async () => {
      await until('some are stored', async () => log.reachable() && (await log.head()) > 10)
      await kill()
      await restart()
    })()
    const positions: number[] = []
    for (const event of events) {
      const appended = async () => {
        try {
          positions.push(await log.append(event, positions.at(-1) ?? 0))
          return true
        } catch (error) {
          if (error instanceof SwarmError && error.retryable) return false
          throw error
        }
      }
      await until('the event is appended', appended)
    }
    await crash
    const items = await collect(log, { after: 0, once: true })
    expect(positionsOf(items)).toEqual(positions)
    expect(items.slice(0, -1)).toMatchObject(events.map(({ id }) => ({ kind: 'event', event: { id } })))
  })

  it('does not keep an abort from ending a reader', async () => {
    const { url, kill } = await server()
    const { link, log } = await clientWithLog(url)
    const controller = new AbortController()
    const reading = read(log, { after: 0 }, controller)
    await reading.take(1)
    const pending = reading.take(1)
    await kill()
    await lost(link)
    controller.abort()
    expect(await pending).toEqual([])
  })
})

describe('a cut connection', () => {
  it('is made again, and the reader goes on without a gap', async () => {
    const { proxy, direct, lossy } = await proxied()
    const trail = trailOf('S1')
    const reading = read(lossy.log, { after: 0 })
    await reading.take(1)
    const positions: number[] = []
    for (let round = 0; round < 4; round++) {
      // What is appended while replies are swallowed never wakes the reader: only its own reading can find it.
      if (round % 2 === 0) proxy.swallow('replies')
      else proxy.cut()
      for (const event of trail.events(3)) positions.push(await direct.log.append(event, positions.at(-1) ?? 0))
      proxy.cut()
      expect(positionsOf(await reading.until(positions.at(-1) ?? 0))).toEqual(positions.slice(-3))
    }
    await reading.end()
  })

  it('that was closed for good ends readers and calls', async () => {
    const { url } = await server()
    const { link, log } = await clientWithLog(url)
    const reading = read(log, { after: 0 })
    await reading.take(1)
    const pending = reading.take(1)
    await link.close()
    await expect(pending).rejects.toMatchObject({ code: 'log_unreachable' })
    await expect(log.append(trailOf('S1').next(), 0)).rejects.toMatchObject({ code: 'log_unreachable' })
    expect(log.reachable()).toBe(false)
  })
})

describe('the stream', () => {
  it('is made once, whoever comes first', async () => {
    const { url } = await server()
    const clients = await Promise.all(times(4, () => client(url)))
    await Promise.all(clients.map(({ link }) => ensureLogStream(link, link.names)))
    const [one, two] = clients
    const position = await one?.log.append(trailOf('S1').next(), 0)
    expect(positionsOf((await two?.log.read('S1')) ?? [])).toEqual([position])
  })

  it('need not be made by those who may not', async () => {
    const { address, password } = await server({ config: rights })
    const observer = { user: 'observer', password, inboxPrefix: '_INBOX_o' }
    const watching = await client(address, observer)
    const refused = { code: 'not_authorized' }
    await expect(ensureLogStream(watching.link, watching.link.names)).rejects.toMatchObject(refused)
    const admin = await client(address, { user: 'admin', password })
    await ensureLogStream(admin.link, admin.link.names)
    await ensureLogStream(watching.link, watching.link.names)
    const trail = trailOf('S1')
    const first = await admin.log.append(trail.next(), 0)
    const reading = read(watching.log, { after: 0 })
    expect(positionsOf(await reading.take(2))).toEqual([first])
    const second = await admin.log.append(trail.next(), first)
    expect(positionsOf(await reading.take(1))).toEqual([second])
    expect(positionsOf(await watching.log.read('S1'))).toEqual([first, second])
    await reading.end()
    await expect(watching.log.append(trail.next(), second)).rejects.toMatchObject({ ...refused, retryable: false })
  })

  it('that is missing is log_unreachable', async () => {
    const { url } = await server()
    const { log } = await client(url)
    await expect(log.head()).rejects.toMatchObject({
      code: 'log_unreachable',
      message: expect.stringContaining('SWARM_faults'),
    })
  })
})

function rights(_user: string, password: string): string {
  const observer = `{
    publish: ["$JS.API.DIRECT.GET.SWARM_faults", "$JS.API.DIRECT.GET.SWARM_faults.>"]
    subscribe: ["_INBOX_o.>", "swarm.faults.live.>"]
  }`
  return `authorization { users: [
    { user: admin, password: "${password}" }
    { user: observer, password: "${password}", permissions: ${observer} }
  ] }`
}
