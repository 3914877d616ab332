/** What readers that go from the past to the present can rely on, run against every adapter. */
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { EventLog, LogItem, Subscribe } from '../../src/runtime/ports.ts'
import { progressFact, stopFact, trailOf } from '../support/events.ts'
import { appendAll, collect, positionsOf, read, times } from '../support/log-access.ts'
import type { LogUnderTest } from './event-log.contract.ts'

export function subscribeLaws(open: () => Promise<LogUnderTest>): void {
  let under: LogUnderTest
  let log: EventLog
  beforeEach(async () => {
    under = await open()
    log = under.log
  })
  afterEach(() => under.close())

  describe('subscribe', () => {
    it('delivers the past, says that it is caught up, and goes on live', async () => {
      const trail = trailOf('S1')
      const first = await log.append(trail.next(), 0)
      const reading = read(log, { after: 0 })
      expect(await reading.take(2)).toMatchObject([{ position: first }, { kind: 'caught_up', position: first }])
      const second = await log.append(trail.next(), first)
      const third = await log.append(trail.next(), second)
      expect(positionsOf(await reading.take(2))).toEqual([second, third])
      await reading.end()
    })

    it('delivers each event once and in order, wherever it starts and however appends and reads interleave', async () => {
      const other = await under.another()
      let round = 0
      const interleaved = fc.asyncProperty(fc.nat(12), fc.nat(12), fc.nat(12), async (before, cut, during) => {
        const [one, two] = [trailOf(`A${round}`), trailOf(`B${round}`)]
        round += 1
        const base = await log.head()
        const past = await appendInTurn(log, [one, two], before)
        const after = [base, ...past][Math.min(cut, past.length)] ?? base
        const reading = read(log, { after })
        const [live, early] = await Promise.all([
          appendInTurn(other, [one, two], during, past),
          before > 6 ? reading.take(1) : Promise.resolve([]),
        ])
        const due = [...past, ...live].filter((position) => position > after)
        const last = due.at(-1) ?? after
        const seen = early.some(({ position }) => position >= last) ? early : [...early, ...(await reading.until(last))]
        expect(positionsOf(seen)).toEqual(due)
        await reading.end()
      })
      await fc.assert(interleaved, { numRuns: 15 })
    })

    it('serves several readers independently', async () => {
      const trail = trailOf('S1')
      const past = await appendAll(log, trail.events(3))
      const readings = times(5, (n) => read(log, { after: [0, ...past][n % 4] ?? 0 }))
      const last = await log.append(trail.next(), past.at(-1) ?? 0)
      const all = [...past, last]
      for (const [n, reading] of readings.entries()) {
        expect(positionsOf(await reading.until(last))).toEqual(all.slice(n % 4))
        await reading.end()
      }
    })

    it('reads on where a slow reader left off', async () => {
      const trail = trailOf('S1')
      const reading = read(log, { after: 0 })
      expect(await reading.take(1)).toMatchObject([{ kind: 'caught_up' }])
      const positions = await appendAll(log, trail.events(200))
      expect(positionsOf(await reading.until(positions.at(-1) ?? 0))).toEqual(positions)
      await reading.end()
    })

    it('filters by session and by nouns', async () => {
      const [one, two] = [trailOf('S1'), trailOf('S2')]
      const a = await log.append(one.next(), 0)
      const b = await log.append(two.next(), 0)
      const c = await log.append(one.next(progressFact()), a)
      const d = await log.append(two.next(stopFact), b)
      const filtered = async (filter: Subscribe['filter']) =>
        positionsOf(await collect(log, { after: 0, filter, once: true }))
      expect(await filtered({ sessionId: 'S1' })).toEqual([a, c])
      expect(await filtered({ nouns: ['start'] })).toEqual([a, b])
      expect(await filtered({ nouns: ['stop', 'turn'] })).toEqual([c, d])
      expect(await filtered({ sessionId: 'S2', nouns: ['stop'] })).toEqual([d])
      expect(await filtered({ sessionId: 'S2', nouns: ['turn', 'start'] })).toEqual([b])
      expect(await filtered({ sessionId: 'S3' })).toEqual([])
      expect(await filtered({ nouns: [] })).toEqual([])
    })

    it('filters live events too', async () => {
      const filters = [
        { sessionId: 'S1' },
        { nouns: ['stop'] },
        { nouns: ['stop', 'turn'] },
        { sessionId: 'S1', nouns: ['stop'] },
      ]
      const readings = filters.map((filter) => read(log, { after: 0, filter }))
      for (const reading of readings) expect(await reading.take(1)).toMatchObject([{ kind: 'caught_up' }])
      const [one, two] = [trailOf('S1'), trailOf('S2')]
      await log.append(two.next(), 0)
      const start = await log.append(one.next(), 0)
      const turn = await log.append(one.next(progressFact()), start)
      const stop = await log.append(one.next(stopFact), turn)
      const due = [[start, turn, stop], [stop], [turn, stop], [stop]]
      for (const [n, reading] of readings.entries()) {
        expect(positionsOf(await reading.until(stop))).toEqual(due[n])
        await reading.end()
      }
    })

    it('with once ends caught up at the head it found', async () => {
      const trail = trailOf('S1')
      const positions = await appendAll(log, trail.events(3))
      const head = positions.at(-1) ?? 0
      const items = await collect(log, { after: positions[0] ?? 0, once: true })
      expect(positionsOf(items)).toEqual(positions.slice(1))
      expect(items.at(-1)).toEqual({ kind: 'caught_up', position: head })
      const none = await collect(log, { after: 0, once: true, filter: { sessionId: 'S2' } })
      expect(none).toEqual([{ kind: 'caught_up', position: head }])
    })

    it('with once ends although somebody keeps appending', async () => {
      const trail = trailOf('S1')
      let version = await log.append(trail.next(), 0)
      let items = 0
      for await (const item of log.subscribe({ after: 0, once: true })) {
        items += 1
        if (item.kind === 'event') version = await log.append(trail.next(), version)
      }
      expect(items).toBe(2)
    })

    it('ends without throwing when aborted: before, in the middle, and while waiting', async () => {
      const trail = trailOf('S1')
      await appendAll(log, trail.events(3))
      expect(await collect(log, { after: 0, signal: AbortSignal.abort() })).toEqual([])
      const middle = new AbortController()
      const seen: LogItem[] = []
      for await (const item of log.subscribe({ after: 0, signal: middle.signal })) {
        seen.push(item)
        middle.abort()
      }
      expect(seen).toHaveLength(1)
      const waiting = new AbortController()
      const reading = read(log, { after: await log.head() }, waiting)
      await reading.take(1)
      const pending = reading.take(1)
      waiting.abort()
      expect(await pending).toEqual([])
    })

    it('ends with a break', async () => {
      await log.append(trailOf('S1').next(), 0)
      for await (const item of log.subscribe({ after: 0 })) {
        expect(item.kind).toBe('event')
        break
      }
    })
  })
}

type Trail = ReturnType<typeof trailOf>

/** Appends to several trails in turn; `past` holds the positions of what went before in the same turn. */
async function appendInTurn(
  log: EventLog,
  trails: readonly Trail[],
  count: number,
  past: readonly number[] = [],
): Promise<number[]> {
  const positions = [...past]
  for (let n = 0; n < count; n++) {
    const trail = trails[positions.length % trails.length]
    if (trail === undefined) throw new Error('no trail')
    positions.push(await log.append(trail.next(), positions.at(-trails.length) ?? 0))
  }
  return positions.slice(past.length)
}
