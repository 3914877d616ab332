/** What a log that has lost events still gives, run against every adapter: all that is left, and where it ended. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { FIRST_EVENT_MS, trailOf } from '../support/events.ts'
import { appendAll, collect, positionsOf, read } from '../support/log-access.ts'
import type { LogUnderTest } from './event-log.contract.ts'

/** `lose`: takes the message at a position away, as a store that was damaged does. */
export type LosingLog = LogUnderTest & { lose(position: number): Promise<void> }

export function lossLaws(adapter: string, open: () => Promise<LosingLog>): void {
  describe(`event log that has lost events: ${adapter}`, () => {
    it.each([
      ['at its beginning', [1, 2], [3, 4, 5, 6]],
      ['in the middle', [2, 4], [1, 3, 5, 6]],
      ['at its end', [5, 6], [1, 2, 3, 4]],
    ])('gives what is left when it lost some %s, and ends where it ended', async (_, lost, left) => {
      const under = await open()
      onTestFinished(() => under.close())
      const { log } = under
      const trail = trailOf('S1')
      await appendAll(log, trail.events(6))
      for (const position of lost) await under.lose(position)
      expect(await log.head()).toBe(6)
      expect(positionsOf(await log.read('S1'))).toEqual(left)
      const items = await collect(log, { after: 0, once: true })
      expect(positionsOf(items)).toEqual(left)
      expect(items.at(-1)).toEqual({ kind: 'caught_up', position: 6 })
      const nothing = await collect(log, { after: 0, once: true, filter: { sessionId: 'S2' } })
      expect(nothing).toEqual([{ kind: 'caught_up', position: 6 }])
      expect(await log.positionAt(FIRST_EVENT_MS + 3_600_000)).toBe(left.at(-1))
    })

    it('goes on behind its end, for readers of the past and live ones', async () => {
      const under = await open()
      onTestFinished(() => under.close())
      const { log } = under
      await appendAll(log, trailOf('S1').events(3))
      await under.lose(3)
      const reading = read(log, { after: 0 })
      expect(positionsOf(await reading.take(3))).toEqual([1, 2])
      expect(await log.append(trailOf('S2').next(), 0)).toBe(4)
      expect(positionsOf(await reading.take(1))).toEqual([4])
      await reading.end()
      expect(await log.head()).toBe(4)
      expect(positionsOf(await collect(log, { after: 0, once: true }))).toEqual([1, 2, 4])
    })

    it('is empty when it lost all, but ends where it ended and goes on there', async () => {
      const under = await open()
      onTestFinished(() => under.close())
      const { log } = under
      await appendAll(log, trailOf('S1').events(2))
      for (const position of [1, 2]) await under.lose(position)
      expect(await log.head()).toBe(2)
      expect(await collect(log, { after: 0, once: true })).toEqual([{ kind: 'caught_up', position: 2 }])
      expect(await log.append(trailOf('S2').next(), 0)).toBe(3)
      expect(positionsOf(await collect(log, { after: 0, once: true }))).toEqual([3])
    })
  })
}
