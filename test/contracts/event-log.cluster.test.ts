/** The same laws on a replicated stream, where any replica may answer a read and another append may be under way. */
import { afterAll, beforeAll } from 'vitest'
import { connectNats, type NatsLink } from '../../src/adapters/nats/connection.ts'
import { ensureLogStream, natsEventLog } from '../../src/adapters/nats/event-log.ts'
import { isSwarmError, SwarmError } from '../../src/runtime/errors.ts'
import { trailOf } from '../support/events.ts'
import { freePort, startTestServer, type TestServer } from '../support/nats-server.ts'
import { until } from '../support/until.ts'
import { eventLogContract } from './event-log.contract.ts'
import { sha256 } from '../support/events.ts'
import { put } from '../support/put.ts'

const electionMs = 20_000
const credentials = { user: 'test', password: 'cluster' }
const servers: TestServer[] = []
let namespaces = 0

beforeAll(async () => {
  const ports = await Promise.all([freePort(), freePort(), freePort()])
  const routes = ports.map((port) => `nats://127.0.0.1:${port}`).join(', ')
  const config = (n: number) => () =>
    `server_name: n${n}
     cluster { name: test, listen: "127.0.0.1:${ports[n]}", routes: [${routes}] }
     authorization { user: ${credentials.user}, password: ${credentials.password} }`
  servers.push(...(await Promise.all(ports.map((_, n) => startTestServer({ config: config(n) })))))
})
afterAll(async () => {
  for (const server of servers) await server.stop()
})

eventLogContract('nats cluster', async () => {
  namespaces += 1
  const namespace = `c${namespaces}`
  let connections = 0
  const connect = async () => {
    connections += 1
    const { address } = servers[connections % servers.length] ?? { address: '' }
    const link = await connectNats({ servers: address, namespace, ...credentials })
    links.push(link)
    await until('the stream has a leader that is known here', () => isReady(link), electionMs)
    return link
  }
  const links: NatsLink[] = []
  const link = await connect()
  return {
    log: natsEventLog(link, link.names, sha256),
    async another() {
      const other = await connect()
      return natsEventLog(other, other.names, sha256)
    },
    plant: (sessionId, noun, body) => put(link.nc, link.names.event(sessionId, noun), body),
    async close() {
      for (const each of links) await each.close()
    },
  }
})

/** An append that can only be refused shows that somebody decides about appends, and leaves the log empty. */
async function isReady(link: NatsLink): Promise<boolean> {
  const event = trailOf('probe').next()
  try {
    await ensureLogStream(link, link.names, { replicas: 3 })
    await natsEventLog(link, link.names, sha256).append(event, 1_000_000)
    return false
  } catch (error) {
    if (isSwarmError(error, 'wrong_expected_version')) return true
    if (error instanceof SwarmError && error.retryable) return false
    throw error
  }
}
