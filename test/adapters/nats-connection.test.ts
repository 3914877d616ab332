import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectNats, isSupportedServer } from '../../src/adapters/nats/connection.ts'
import { parseServers } from '../../src/adapters/nats/connection-servers.ts'
import { ensureLogStream, natsEventLog } from '../../src/adapters/nats/event-log.ts'
import { progressFact, trailOf } from '../support/events.ts'
import { startTestServer, type TestServer } from '../support/nats-server.ts'
import { sha256 } from '../support/events.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

describe('connecting', () => {
  it('takes credentials from the URL or beside it', async () => {
    for (const options of [
      { servers: server.url },
      { servers: [server.url] },
      { servers: server.address, user: server.user, password: server.password },
    ]) {
      const link = await connectNats({ namespace: 'default', ...options })
      expect(link.connected()).toBe(true)
      await link.close()
      expect(link.connected()).toBe(false)
    }
  })

  it('refuses wrong credentials without telling them', async () => {
    const servers = `nats://test:secret@127.0.0.1:${server.port}`
    const connecting = connectNats({ servers, namespace: 'default' })
    await expect(connecting).rejects.toMatchObject({
      code: 'not_authorized',
      message: expect.not.stringContaining('secret'),
    })
  })

  it('says where it could not reach a server, without the password', async () => {
    const servers = `nats://test:secret@127.0.0.1:${await closedPort()}`
    const failure = await connectNats({ servers, namespace: 'default' }).catch((error: unknown) => error)
    expect(failure).toMatchObject({
      code: 'log_unreachable',
      retryable: true,
      message: expect.stringContaining('127.0.0.1:'),
    })
    expect(JSON.stringify(failure) + String(failure)).not.toContain('secret')
  })

  it('refuses a server before 2.12', async () => {
    const old = await fakeServer('2.9.10')
    const connecting = connectNats({ servers: `127.0.0.1:${old.port}`, namespace: 'default' })
    await expect(connecting).rejects.toMatchObject({
      code: 'server_too_old',
      message: expect.stringContaining('2.9.10'),
    })
    await old.stop()
  })

  it('gives up on a server that accepts and says nothing', async () => {
    const silent = await fakeServer(null)
    const connecting = connectNats({ servers: `127.0.0.1:${silent.port}`, namespace: 'default' })
    await expect(connecting).rejects.toMatchObject({ code: 'log_unreachable' })
    await silent.stop()
  })

  it('refuses what is no namespace, address or credentials file', async () => {
    const wrong = [
      { servers: server.url, namespace: 'a.b' },
      { servers: 'http://127.0.0.1', namespace: 'default' },
      { servers: '', namespace: 'default' },
      { servers: server.address, namespace: 'default', credsFile: '/nowhere/user.creds' },
    ]
    for (const options of wrong) await expect(connectNats(options)).rejects.toMatchObject({ code: 'invalid_argument' })
  })
})

describe('isSupportedServer', () => {
  it.each(['2.12.0', '2.12.1-RC.1', 'v2.14.0', '2.100.0', '3.0.0'])('takes %s', (version) => {
    expect(isSupportedServer(version)).toBe(true)
  })
  it.each(['2.11.9', '2.9.10', '1.99.0', '', 'unknown'])('refuses %s', (version) => {
    expect(isSupportedServer(version)).toBe(false)
  })
})

describe('parseServers', () => {
  it('takes addresses apart', () => {
    expect(parseServers('nats://u:p%40ss@a:1, b:2')).toEqual({
      addresses: ['a:1', 'b:2'],
      tls: false,
      user: 'u',
      password: 'p@ss',
      token: undefined,
      shown: 'nats://a:1,nats://b:2',
    })
    expect(parseServers('tls://token@a')).toMatchObject({
      tls: true,
      token: 'token',
      user: undefined,
      shown: 'tls://a',
    })
  })

  it('never repeats what it refuses, as a password may be in it', () => {
    expect(() => parseServers('redis://u:secret@host')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('secret') }),
    )
  })
})

describe('for any NATS client', () => {
  it('events stand on their subjects with CloudEvents headers, and come live once they are stored', async () => {
    const link = await connectNats({ servers: server.url, namespace: 'wire' })
    await ensureLogStream(link, link.names)
    const live = link.nc.subscribe('swarm.wire.live.S1.>', { max: 2 })
    const log = natsEventLog(link, link.names, sha256)
    const trail = trailOf('S1')
    const [first, second] = [trail.next(), trail.next(progressFact())]
    const position = await log.append(first, 0)
    await expect(log.append({ ...second, id: 'refused' }, 0)).rejects.toMatchObject({ code: 'wrong_expected_version' })
    await log.append(second, position)
    const messages = []
    for await (const message of live) messages.push(message)
    expect(messages.map(({ subject }) => subject)).toEqual(['swarm.wire.live.S1.start', 'swarm.wire.live.S1.turn'])
    const [message] = messages
    expect(message?.json()).toEqual(first)
    const headers = Object.fromEntries([...(message?.headers ?? [])].map(([name, values]) => [name, values[0]]))
    expect(headers).toMatchObject({
      'ce-specversion': '1.0',
      'ce-id': first.id,
      'ce-type': 'start.requested',
      'ce-source': first.source,
      'ce-subject': 'S1',
      'ce-time': first.time,
      'Content-Type': 'application/cloudevents+json',
      'Nats-Sequence': String(position),
      'Nats-Subject': 'swarm.wire.event.S1.start',
    })
    await link.close()
  })

  it('a session id or noun that would be a wildcard is refused', async () => {
    const link = await connectNats({ servers: server.url, namespace: 'wild' })
    const log = natsEventLog(link, link.names, sha256)
    const refused = { code: 'invalid_argument' }
    await expect(log.read('*')).rejects.toMatchObject(refused)
    await expect(log.append({ ...trailOf('S1').next(), subject: 'S1.turn' }, 0)).rejects.toMatchObject(refused)
    const items = log.subscribe({ after: 0, filter: { nouns: ['>'] } })[Symbol.asyncIterator]()
    await expect(items.next()).rejects.toMatchObject(refused)
    await link.close()
  })
})

/** Speaks just enough of the protocol to be connected to; with null it never says a word. */
async function fakeServer(version: string | null): Promise<{ port: number; stop: () => Promise<void> }> {
  const sockets = new Set<Socket>()
  const fake = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    if (version === null) return
    socket.write(
      `INFO ${JSON.stringify({ server_id: 'X', version, proto: 1, headers: true, max_payload: 1_048_576 })}\r\n`,
    )
    socket.on('data', (data) => {
      if (data.includes('PING')) socket.write('PONG\r\n')
    })
  }).listen(0, '127.0.0.1')
  await once(fake, 'listening')
  const stop = async () => {
    fake.close()
    // The client gives up on a silent server without closing its end.
    for (const socket of sockets) socket.destroy()
    await once(fake, 'close')
  }
  return { port: portOf(fake.address()), stop }
}

async function closedPort(): Promise<number> {
  const closed = createServer().listen(0, '127.0.0.1')
  await once(closed, 'listening')
  const port = portOf(closed.address())
  closed.close()
  await once(closed, 'close')
  return port
}

function portOf(address: ReturnType<ReturnType<typeof createServer>['address']>): number {
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
