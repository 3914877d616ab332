/** The laws of `EventLog` (src/runtime/ports.ts), run against every adapter. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { EventLog } from '../../src/runtime/ports.ts'
import { eventOf, FIRST_EVENT_MS, stopFact, trailOf } from '../support/events.ts'
import { appendAll, collect, positionsOf, read } from '../support/log-access.ts'
import { appendLaws } from './event-log-append.contract.ts'
import { subscribeLaws } from './event-log-subscribe.contract.ts'

export type LogUnderTest = {
  /** An empty log. */
  log: EventLog
  /** Another client of the same log. */
  another(): Promise<EventLog>
  /** Stores any text on an event subject, as a foreign client could; resolves to its position. */
  plant(sessionId: string, noun: string, body: string): Promise<number>
  close(): Promise<void>
}

export function eventLogContract(adapter: string, open: () => Promise<LogUnderTest>): void {
  describe(`event log contract: ${adapter}`, () => {
    describe('writing', () => {
      appendLaws(open)
    })
    describe('reading', () => {
      subscribeLaws(open)
    })
    describe('besides', () => {
      otherLaws(open)
    })
  })
}

function otherLaws(open: () => Promise<LogUnderTest>): void {
  let under: LogUnderTest
  let log: EventLog
  beforeEach(async () => {
    under = await open()
    log = under.log
  })
  afterEach(() => under.close())

  describe('what is no event of ours', () => {
    it('is parked where it stands and stops no reader', async () => {
      const trail = trailOf('S1')
      const [first, second] = [trail.next(), trail.next()]
      const start = await log.append(first, 0)
      const newer = { ...second, dataschema: `urn:swarmtrail:${second.type}:99` }
      const foreign = eventOf('S2', stopFact)
      const planted = [
        await under.plant('S1', 'turn', 'no JSON at all'),
        await under.plant('S1', 'turn', ''),
        await under.plant('S1', 'turn', '{"json": "but no event"}'),
        await under.plant(
          'S1',
          'turn',
          JSON.stringify({ ...second, type: 'turn.danced', dataschema: 'urn:swarmtrail:turn.danced:1' }),
        ),
        await under.plant('S1', 'turn', JSON.stringify(newer)),
        await under.plant('S1', 'stop', JSON.stringify(foreign)),
        await under.plant('S1', 'stop', JSON.stringify(second)),
      ]
      const last = await log.append(second, planted.at(-1) ?? 0)
      const codes = [
        'event_schema',
        'event_schema',
        'event_schema',
        'unknown_event_type',
        'unknown_event_type',
        'event_schema',
        'event_schema',
      ]
      const due = [
        { kind: 'event', position: start },
        ...planted.map((position, n) => ({ kind: 'parked', position, code: codes[n] })),
        { kind: 'event', position: last },
      ]
      expect(await log.read('S1')).toMatchObject(due)
      expect(await collect(log, { after: 0, once: true })).toMatchObject([
        ...due,
        { kind: 'caught_up', position: last },
      ])
      expect((await log.read('S1', planted[4]))[0]).toMatchObject({ reason: expect.stringContaining('session S2') })
    })

    it('is parked live too', async () => {
      const reading = read(log, { after: 0 })
      await reading.take(1)
      const position = await under.plant('S1', 'turn', 'no JSON at all')
      expect(await reading.take(1)).toMatchObject([{ kind: 'parked', position, body: 'no JSON at all' }])
      const next = await log.append(trailOf('S2').next(), 0)
      expect(positionsOf(await reading.take(1))).toEqual([next])
      await reading.end()
    })
  })

  it('finds the position of a time', async () => {
    const trail = trailOf('S1')
    const positions = await appendAll(log, trail.events(7))
    expect(await log.positionAt(FIRST_EVENT_MS - 1)).toBe(0)
    expect(await log.positionAt(FIRST_EVENT_MS)).toBe(positions[0])
    expect(await log.positionAt(FIRST_EVENT_MS + 3_999)).toBe(positions[3])
    expect(await log.positionAt(FIRST_EVENT_MS + 3_600_000)).toBe(positions.at(-1))
  })

  it('forwards live output to whoever listens to that session', async () => {
    const listening = new AbortController()
    const outputs = log.followOutput('S1', listening.signal)
    const deaf = log.followOutput('S2', listening.signal)
    // A round trip on the same connection, so that a remote log knows of the listeners.
    await log.head()
    log.publishOutput('S1', 'stdout', 'one')
    log.publishOutput('S1', 'stderr', 'two')
    const heard: string[] = []
    for await (const { stream, text } of outputs) {
      heard.push(`${stream} ${text}`)
      if (heard.length === 2) listening.abort()
    }
    expect(heard).toEqual(['stdout one', 'stderr two'])
    for await (const output of deaf) expect(output).toBeUndefined()
  })
}
