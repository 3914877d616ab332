/** Reading from replicas that lag behind the leader, which answers what is asked about the log's end. */
import { expect, it } from 'vitest'
import type { NatsLink } from '../../src/adapters/nats/connection.ts'
import type { LogReader } from '../../src/adapters/nats/log-reader.ts'
import { readLog } from '../../src/adapters/nats/log-subscription.ts'
import type { Stored } from '../../src/adapters/nats/stored.ts'
import { namesOf } from '../../src/events/subjects.ts'
import type { LogItem } from '../../src/runtime/ports.ts'

const names = namesOf('test')

function messages(from: number, to: number): Stored[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => at(from + index))
}

function at(position: number): Stored {
  return { position, subject: names.event('S1', 'turn'), body: '', item: null }
}

/** A log that grows by one with everything that is asked; its replica follows by `lag` behind, and catches up slowly. */
function lagging({ length, lag, page }: { length: number; lag: number; page: number }) {
  let head = length
  let behind = lag
  const grown = async () => head++
  const reader = {
    end: grown,
    last: async () => at(await grown()),
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
  const link = {
    clustered: () => true,
    closed: () => false,
    connected: () => true,
    onChange: () => () => undefined,
  }
  return { reader: reader as unknown as LogReader, link: link as unknown as NatsLink }
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
  for await (const item of readLog({ ...lagging(log), names, items }, { after: 0, once: true })) got.push(item)
  const last = got.at(-1)
  expect(last?.kind).toBe('caught_up')
  expect(last?.position).toBeGreaterThanOrEqual(log.length)
  expect(got.slice(0, -1).map(({ position }) => position)).toEqual(
    messages(1, last?.position ?? 0).map(({ position }) => position),
  )
})
