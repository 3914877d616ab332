import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RecordedEvent } from '../../src/events/envelope.ts'
import { EVENT_TYPES, nounOf, type EventType } from '../../src/events/session-events.ts'
import { indexes, projections } from '../../src/projections/catalog.ts'
import { applyEvents, foldDocuments, type Projection, type Stored } from '../../src/projections/projection.ts'
import { runArbitrary } from './histories.ts'
import { fact, trail } from './support.ts'

const all: readonly Projection<unknown>[] = [...Object.values(projections), ...Object.values(indexes)]

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    Object.values(value).forEach(frozen)
  }
  return value
}

function throughJson<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T
}

/** Checks a law for every projection over generated runs of two sessions. */
function everywhere(law: (projection: Projection<unknown>, events: RecordedEvent[], random: number) => void): void {
  const property = fc.property(runArbitrary, fc.nat(), (events, random) => {
    for (const projection of all) law(projection, events, random)
  })
  fc.assert(property, { numRuns: 30 })
}

describe('every projection', () => {
  it('gives the same documents by replay and incrementally, from stored JSON, at any cut', () => {
    everywhere((projection, events, random) => {
      const cut = random % (events.length + 1)
      const stored = new Map(throughJson([...foldDocuments(projection, events.slice(0, cut))]))
      const resumed = foldDocuments(projection, events.slice(cut), stored)
      const whole = foldDocuments(projection, events)
      expect([...resumed]).toStrictEqual([...whole])
    })
  })

  it('gives the same documents event by event, many at once, and as the store that it is defined as', () => {
    everywhere((projection, events, random) => {
      for (const [key, { document }] of foldDocuments(projection, events)) {
        const own = events.filter((event) => projection.keysOf(event).includes(key))
        const cut = random % (own.length + 1)
        const first = applyEvents(projection, null, own.slice(0, cut))
        expect(applyEvents(projection, first, own)).toStrictEqual({ position: own.at(-1)?.position, document })
        const transitioned = own.reduce<unknown>((before, event) => projection.transition(before, event), null)
        expect(transitioned).toStrictEqual(document)
      }
    })
  })

  it('changes nothing when events are applied again, and never changes its inputs', () => {
    everywhere((projection, events) => {
      frozen(events)
      const once = new Map<string, Stored<unknown>>(frozen([...foldDocuments(projection, events)]))
      for (const [key, stored] of foldDocuments(projection, events, once)) expect(stored).toBe(once.get(key))
      const twice = events.flatMap((event) => [event, event])
      expect([...foldDocuments(projection, twice)]).toStrictEqual([...once])
    })
  })

  it('makes documents that are stable JSON in the order of their schema', () => {
    everywhere((projection, events) => {
      for (const { document } of foldDocuments(projection, events).values()) {
        if (document === null) continue
        expect(throughJson(document)).toStrictEqual(document)
        expect(JSON.stringify(projection.schema.parse(document))).toBe(JSON.stringify(document))
      }
    })
  })
})

describe.each(all.map((projection) => [projection.name, projection] as const))('%s', (_, projection) => {
  it('leaves the document as it is for an event type it does not know', () => {
    const [event] = trail(fact('start.requested'))
    const document = { some: 'document' }
    for (const type of ['session.teleported', 'constructor']) {
      expect(projection.apply(document, throughJson({ ...event, type }) as RecordedEvent)).toBe(document)
    }
  })

  it('opens no document before its first event', () => {
    const events = trail(fact('session.claimed'), fact('turn.completed'))
    for (const { document } of foldDocuments(projection, events).values()) expect(document).toBeNull()
  })

  it('asks the log for the nouns of every event type that it handles', () => {
    const handled = EVENT_TYPES.filter((type) => !projection.ignores.includes(type)).map(nounOf)
    for (const noun of handled) expect(projection.nouns ?? handled).toContain(noun)
  })
})

describe('the generated histories', () => {
  it('hold every event type', () => {
    const seen = new Set<EventType>()
    const seed = 7
    for (const events of fc.sample(runArbitrary, { numRuns: 50, seed })) events.forEach(({ type }) => seen.add(type))
    expect([...seen].toSorted()).toEqual(EVENT_TYPES.toSorted())
  })
})
