/** Reading from replicas that lag behind the leader, which answers what is asked about the log's end. */
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { connectNats } from '../../src/adapters/nats/connection.ts'
import { logReader, type LogReader } from '../../src/adapters/nats/log-reader.ts'
import { readLog } from '../../src/adapters/nats/log-subscription.ts'
import type { Stored } from '../../src/adapters/nats/stored.ts'
import { namesOf } from '../../src/events/subjects.ts'
import type { LogItem } from '../../src/runtime/ports.ts'
import { startTestServer, type TestServer } from '../support/nats-server.ts'

const names = namesOf('test')
let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

function messages(from: number, to: number): Stored[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => at(from + index))
}

function at(position: number): Stored {
  return { position, subject: names.event('S1', 'turn'), body: '', item: null }
}

/** A log that grows by one with everything that is asked; its replica is `lag` behind, and catches up slowly. */
async function lagging({ length, lag, page }: { length: number; lag: number; page: number }) {
  const link = await connectNats({ servers: server.url, namespace: 'test' })
  onTestFinished(() => link.close())
  let head = length
  let behind = lag
  const reader: LogReader = {
    ...logReader(link, link.names),
    end: async () => head++,
    last: async () => ({ ...at(head++), recordedAt: '' }),
    run: () => ({
      async next(after: number) {
        const there = Math.max(0, head - behind)
        behind = Math.max(0, behind - 1)
        const given = messages(after + 1, Math.min(there, after + page))
        return { messages: given, pending: Math.max(0, there - after - given.length) }
      },
      close: () => undefined,
    }),
  }
  return { reader, link: { ...link, clustered: () => true } }
}

it.each([
  { length: 5, lag: 2, page: 100 },
  { length: 5, lag: 3, page: 100 },
  { length: 20, lag: 4, page: 3 },
  { length: 20, lag: 0, page: 1 },
])('what is said to be read was given out, $length long, $lag behind, $page at once', async (log) => {
  const items = async () => (stored: Stored) =>
    ({ kind: 'parked', position: stored.position, subject: stored.subject, code: '', reason: '', body: '' }) as const
  const got: LogItem[] = []
  for await (const item of readLog({ ...(await lagging(log)), names, items }, { after: 0, once: true })) got.push(item)
  const last = got.at(-1)
  expect(last?.kind).toBe('caught_up')
  expect(last?.position).toBeGreaterThanOrEqual(log.length)
  expect(got.slice(0, -1).map(({ position }) => position)).toEqual(
    messages(1, last?.position ?? 0).map(({ position }) => position),
  )
})
