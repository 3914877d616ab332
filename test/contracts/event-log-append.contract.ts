/** What writing to a log guarantees, run against every adapter. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EVENT_BYTES_MAX, type SwarmEvent } from '../../src/events/envelope.ts'
import type { EventLog } from '../../src/runtime/ports.ts'
import { eventOf, progressFact, resumedFact, startFact, stopFact, trailOf } from '../support/events.ts'
import { appendAll, collect, eventsOf, positionsOf, times } from '../support/log-access.ts'
import type { LogUnderTest } from './event-log.contract.ts'

const RACERS = 8

export function appendLaws(open: () => Promise<LogUnderTest>): void {
  let under: LogUnderTest
  let log: EventLog
  beforeEach(async () => {
    under = await open()
    log = under.log
  })
  afterEach(() => under.close())

  describe('append and read', () => {
    it('reads back what was appended, in order, at growing positions', async () => {
      const trail = trailOf('S1')
      const events = [trail.next(), trail.next(), trail.next(stopFact)]
      const positions = await appendAll(log, events)
      const items = await log.read('S1')
      expect(items).toEqual(
        events.map((event, n) => ({
          kind: 'event',
          event,
          position: positions[n],
          body: JSON.stringify(event),
          stored: event,
        })),
      )
      expect(positions.toSorted((a, b) => a - b)).toEqual(positions)
      expect(await log.head()).toBe(positions.at(-1))
    })

    it('reads a trail after a version, and nothing of other trails', async () => {
      const [one, two] = [trailOf('S1'), trailOf('S2')]
      const first = await log.append(one.next(), 0)
      const other = await log.append(two.next(), 0)
      const second = await log.append(one.next(), first)
      expect(positionsOf(await log.read('S1', first))).toEqual([second])
      expect(positionsOf(await log.read('S2'))).toEqual([other])
      expect(await log.read('S1', second)).toEqual([])
      expect(await log.read('S3')).toEqual([])
    })

    it('sees an append of another client at once', async () => {
      const other = await under.another()
      const trail = trailOf('S1')
      let version = 0
      for (let n = 0; n < 20; n++) {
        version = await other.append(trail.next(), version)
        expect((await log.read('S1')).at(-1)?.position).toBe(version)
      }
    })

    it('is empty at first', async () => {
      expect(await log.head()).toBe(0)
      expect(await log.read('S1')).toEqual([])
      expect(await collect(log, { after: 0, once: true })).toEqual([{ kind: 'caught_up', position: 0 }])
      expect(log.reachable()).toBe(true)
    })

    it('refuses an event over 1 MiB', async () => {
      const event = eventOf('S1', { type: 'session.resumed', data: { guidance: 'x'.repeat(EVENT_BYTES_MAX) } })
      await expect(log.append(event, 0)).rejects.toMatchObject({ code: 'append_too_large' })
      expect(await log.head()).toBe(0)
    })
  })

  describe('expected version', () => {
    it('is checked across all nouns of a trail', async () => {
      const trail = trailOf('S1')
      const first = await log.append(trail.next(), 0)
      const second = await log.append(trail.next(stopFact), first)
      const late = eventOf('S1', progressFact(), { id: 'late' })
      const refusal = { code: 'wrong_expected_version', details: { expected: first, actual: second } }
      await expect(log.append(late, first)).rejects.toMatchObject(refusal)
      await expect(log.append(late, 0)).rejects.toMatchObject({ code: 'wrong_expected_version' })
      await expect(log.append(late, second + 5)).rejects.toMatchObject({ code: 'wrong_expected_version' })
      expect(await log.read('S1')).toHaveLength(2)
    })

    it('lets exactly one of eight racing writers win', async () => {
      const version = await log.append(trailOf('S1').next(), 0)
      const facts = [stopFact, progressFact(), resumedFact]
      const attempts = await race(under, (writer) => [
        eventOf('S1', facts[writer % 3] ?? stopFact, { id: `w${writer}` }),
        version,
      ])
      expectOneWinner(attempts)
      expect(await log.read('S1')).toHaveLength(2)
    })

    it('lets exactly one of eight racing starts win', async () => {
      const attempts = await race(under, (writer) => [eventOf('S1', startFact('S1'), { id: `start-${writer}` }), 0])
      const winner = expectOneWinner(attempts)
      expect(await log.read('S1')).toMatchObject([{ position: winner }])
    })

    it('keeps every trail of many writers whole', async () => {
      const sessions = ['A', 'B', 'C', 'D']
      await Promise.all(sessions.map((id) => appendAll(log, trailOf(id).events(10))))
      for (const id of sessions) {
        const ids = eventsOf(await log.read(id)).map(({ event }) => event.id)
        expect(ids).toEqual(times(10, (n) => `${id}-w-${n + 1}`))
      }
    })
  })

  describe('the same event twice', () => {
    it('is one append', async () => {
      const event = trailOf('S1').next()
      const position = await log.append(event, 0)
      expect(await log.append(event, 0)).toBe(position)
      expect(await (await under.another()).append(event, 0)).toBe(position)
      expect(await log.read('S1')).toHaveLength(1)
    })

    it('is one append also when others followed', async () => {
      const trail = trailOf('S1')
      const events = trail.events(4)
      const positions = await appendAll(log, events)
      const versions = [0, ...positions]
      for (const [n, event] of events.entries()) {
        expect(await log.append(event, versions[n] ?? 0)).toBe(positions[n])
      }
      expect(await log.read('S1')).toHaveLength(4)
    })

    it('is one append also when both are under way at once', async () => {
      const event = trailOf('S1').next()
      const positions = await Promise.all(times(4, () => log.append(event, 0)))
      expect(new Set(positions).size).toBe(1)
      expect(await log.read('S1')).toHaveLength(1)
    })
  })
}

async function race(
  under: LogUnderTest,
  attempt: (writer: number) => [SwarmEvent, number],
): Promise<PromiseSettledResult<number>[]> {
  const logs = [under.log, await under.another()]
  return Promise.allSettled(times(RACERS, async (writer) => (logs[writer % 2] ?? under.log).append(...attempt(writer))))
}

function expectOneWinner(attempts: readonly PromiseSettledResult<number>[]): number {
  const winners = attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []))
  const codes = attempts.flatMap((attempt) =>
    attempt.status === 'rejected' ? [(attempt.reason as { code: string }).code] : [],
  )
  expect(codes).toEqual(Array.from({ length: RACERS - 1 }, () => 'wrong_expected_version'))
  expect(winners).toHaveLength(1)
  return winners[0] ?? 0
}
