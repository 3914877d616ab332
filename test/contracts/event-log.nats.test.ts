import { afterAll, beforeAll } from 'vitest'
import { connectNats } from '../../src/adapters/nats/connection.ts'
import { ensureLogStream, natsEventLog } from '../../src/adapters/nats/event-log.ts'
import { startTestServer, type TestServer } from '../support/nats-server.ts'
import { eventLogContract } from './event-log.contract.ts'

let server: TestServer
let namespaces = 0
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

eventLogContract('nats', async () => {
  namespaces += 1
  const namespace = `n${namespaces}`
  const connect = () => connectNats({ servers: server.url, namespace })
  const link = await connect()
  const links = [link]
  await ensureLogStream(link, link.names)
  return {
    log: natsEventLog(link, link.names),
    async another() {
      const other = await connect()
      links.push(other)
      return natsEventLog(other, other.names)
    },
    async plant(sessionId, noun, body) {
      const answer = await link.nc.request(link.names.event(sessionId, noun), body)
      return answer.json<{ seq: number }>().seq
    },
    async close() {
      for (const each of links) await each.close()
    },
  }
})
