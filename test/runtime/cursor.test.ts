/**
 * One cursor, on the real server: whoever reads from wherever, through cuts, reconnects and crashes of the server, gets
 * the same events in order, none missed and none twice. The model is a plain filter over what was acknowledged.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectNats } from '../../src/adapters/nats/connection.ts'
import { connectSwarm, type ConnectedSwarm } from '../../src/connect.ts'
import type { RecordedEvent, SwarmEvent } from '../../src/events/envelope.ts'
import { isSwarmError } from '../../src/runtime/errors.ts'
import { matcherOf } from '../../src/runtime/follow-events.ts'
import { progressFact, stopFact, trailOf } from '../support/events.ts'
import { startTestServer, type TestServer } from '../support/nats-server.ts'
import { temporaryDirectory } from '../support/repositories.ts'
import { until } from '../support/until.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

let namespaces = 0
async function open(namespace = `cursor${++namespaces}`): Promise<ConnectedSwarm> {
  const dir = await temporaryDirectory()
  return connectSwarm({ servers: server.url, namespace, dir })
}

/** Appends to three trails in turn; an event whose append got no answer is offered again, as runners do. */
function writer(swarm: ConnectedSwarm) {
  const trails = ['S1', 'S2', 'S3'].map((id) => ({ ...trailOf(id), version: 0, count: 0 }))
  const written: RecordedEvent[] = []
  async function append(event: SwarmEvent, version: number): Promise<number> {
    for (;;) {
      try {
        return await swarm.ports.log.append(event, version)
      } catch (error) {
        if (!isSwarmError(error) || !error.retryable) throw error
        await swarm.ports.clock.sleep(20)
      }
    }
  }
  return {
    written,
    write: async (count: number): Promise<void> => {
      for (let n = 0; n < count; n++) {
        const trail = trails[written.length % trails.length]
        if (trail === undefined) throw new Error('no trail')
        const event = trail.count === 0 ? trail.next() : trail.next(trail.count % 3 === 0 ? stopFact : progressFact())
        trail.version = await append(event, trail.version)
        trail.count += 1
        written.push({ ...event, position: trail.version })
      }
    },
  }
}

type Wish = { sessionId: string | undefined; types: string[] | undefined; from: number; cutAfter: number }

const wishes: fc.Arbitrary<Wish> = fc.record({
  sessionId: fc.constantFrom(undefined, undefined, 'S1', 'S2'),
  types: fc.constantFrom<(string[] | undefined)[]>(
    undefined,
    ['stop.*'],
    ['turn.progressed'],
    ['*.requested', 'turn.*'],
    ['s*'],
  ),
  from: fc.nat({ max: 12 }),
  cutAfter: fc.integer({ min: 1, max: 9 }),
})

function due(written: readonly RecordedEvent[], after: number, { sessionId, types }: Wish): RecordedEvent[] {
  const matches = matcherOf(types)
  const ofSession = written.filter(({ subject }) => sessionId === undefined || subject === sessionId)
  return ofSession.filter(({ position, type }) => position > after && matches(type))
}

/** Reads on, and every few events drops the reading and takes it up again where it was. */
function follow(swarm: ConnectedSwarm, wish: Wish, after: number) {
  const seen: RecordedEvent[] = []
  const life = new AbortController()
  const run = async () => {
    while (!life.signal.aborted) {
      const cut = new AbortController()
      const signal = AbortSignal.any([life.signal, cut.signal])
      let taken = 0
      const from = seen.at(-1)?.position ?? after
      for await (const event of swarm.events({ sessionId: wish.sessionId, types: wish.types, from, signal })) {
        seen.push(event)
        taken += 1
        if (taken === wish.cutAfter) cut.abort()
        if (cut.signal.aborted) break
      }
    }
  }
  const running = run()
  return {
    seen,
    async end() {
      life.abort()
      await running
    },
  }
}

describe('one cursor', () => {
  it('gives every subscriber the same events in order through random cuts and crashes of the server', async () => {
    const scenario = fc.record({
      wishes: fc.array(wishes, { minLength: 3, maxLength: 6 }),
      before: fc.nat({ max: 15 }),
      during: fc.integer({ min: 6, max: 15 }),
      crash: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(scenario, async ({ wishes, before, during, crash }) => {
        await using swarm = await open()
        await using reading = await open(swarm.namespace)
        const { written, write } = writer(swarm)
        await write(before)
        const places = wishes.map(({ from }) => written[Math.min(from, before) - 1]?.position ?? 0)
        const readers = wishes.map((wish, n) => follow(reading, wish, places[n] ?? 0))
        const writing = write(during)
        if (crash) {
          await server.kill()
          await server.restart()
        }
        await writing
        const goals = wishes.map((wish, n) => due(written, places[n] ?? 0, wish))
        const reached = () => readers.every(({ seen }, n) => seen.length >= (goals[n]?.length ?? 0))
        await until('all readers have all', reached, 20_000)
        for (const reader of readers) await reader.end()
        expect(readers.map(({ seen }) => seen)).toEqual(goals)
      }),
      { numRuns: 8, examples: [[{ wishes: [everything(4)], before: 5, during: 9, crash: true }]] },
    )
  }, 60_000)

  it('serves fifty subscribers at once, each from a place of its own', async () => {
    await using swarm = await open()
    const { written, write } = writer(swarm)
    await write(60)
    const places = Array.from({ length: 50 }, (_, n) => n)
    const readers = places.map((n) => follow(swarm, { ...everything(1_000), from: n }, written[n - 1]?.position ?? 0))
    await write(20)
    await until('all have all', () => readers.every(({ seen }, n) => seen.length >= 80 - n), 20_000)
    for (const [n, reader] of readers.entries()) {
      await reader.end()
      expect(reader.seen).toEqual(written.slice(n))
    }
  })

  it('starts at any time as at the position that was there then', async () => {
    await using swarm = await open()
    const { written, write } = writer(swarm)
    await write(12)
    const middle = written[6]
    const seen: RecordedEvent[] = []
    for await (const event of swarm.events({ from: middle?.time ?? '', until: 'now' })) seen.push(event)
    expect(seen).toEqual(written.filter(({ position }) => position > (seen[0]?.position ?? 0) - 1))
    expect(seen.every(({ time }) => time > (middle?.time ?? ''))).toBe(true)
  })

  it('pulls: while a reader stands still nothing is read for it, however much is written', async () => {
    await using swarm = await open()
    const { written, write } = writer(swarm)
    await write(3)
    await using sniffer = await sniffReads(swarm.namespace)
    const events = swarm.events({ from: 'start' })
    const seen: RecordedEvent[] = []
    const take = async (count: number) => {
      while (seen.length < count) {
        const next = await events.next()
        if (next.done) return
        seen.push(next.value)
      }
    }
    await take(1)
    await sniffer.settle()
    const before = sniffer.batches()
    await write(600)
    await sniffer.settle()
    expect(sniffer.batches()).toBe(before)
    await take(written.length)
    await events.return()
    expect(seen).toEqual(written)
    expect(sniffer.batches()).toBeGreaterThan(before)
  })
})

/** Counts the requests for stored messages that anybody makes; one is answered by 1000 messages or 2 MiB at most. */
async function sniffReads(namespace: string) {
  const link = await connectNats({ servers: server.url, namespace })
  let batches = 0
  link.nc.subscribe(`$JS.API.DIRECT.GET.${link.names.stream}`, {
    callback: (_error, message) => {
      if (message.string().includes('"batch"')) batches += 1
    },
  })
  await link.nc.flush()
  return {
    batches: () => batches,
    /** What was asked before has been counted after. */
    settle: () => link.nc.flush(),
    [Symbol.asyncDispose]: () => link.close(),
  }
}

function everything(cutAfter: number): Wish {
  return { sessionId: undefined, types: undefined, from: 0, cutAfter }
}
