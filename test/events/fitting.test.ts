import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { envelopeSchema } from '../../src/events/envelope.ts'
import { fitsOf } from '../../src/events/fitting.ts'
import { eventSchemas, type EventType } from '../../src/events/session-events.ts'

type Recorded = Record<string, unknown> & { type: EventType; data: Record<string, unknown> }

const HISTORIES = join(import.meta.dirname, '../histories')
const recorded = readdirSync(HISTORIES)
  .filter((name) => name.endsWith('.jsonl'))
  .flatMap((name) => readFileSync(join(HISTORIES, name), 'utf8').trim().split('\n').map(eventIn))

function eventIn(line: string): Recorded {
  const { position: _, ...event } = JSON.parse(line)
  return event
}

const envelopeFits = fitsOf(envelopeSchema)
const dataFits = new Map(recorded.map(({ type }) => [type, fitsOf(eventSchemas[type])]))

/** What the test promises when it says yes: zod takes the value and gives it back as it is. */
function isRight(schema: z.ZodType, fits: (value: unknown) => boolean, value: unknown): boolean {
  if (!fits(value)) return true
  const parsed = schema.safeParse(value)
  return parsed.success && isDeepStrictEqual(parsed.data, value)
}

/** One place in a value is changed: taken away, replaced, or given a neighbour. */
type Change = { place: number; how: 'delete' | 'replace' | 'add'; value: unknown }
const change = fc.record<Change>({
  place: fc.nat(60),
  how: fc.constantFrom('delete', 'replace', 'add'),
  value: fc.oneof(
    fc.jsonValue({ maxDepth: 1 }),
    fc.constantFrom(-1, 0, 1.5, 1e300, '', 'é', 'a'.repeat(64), null, [], {}),
  ),
})

function changed(value: unknown, { place, how, value: put }: Change): unknown {
  const copy = structuredClone(value)
  const places = placesIn(copy)
  const [holder, key] = places[place % places.length] ?? []
  if (holder === undefined || key === undefined) return copy
  if (how === 'replace') holder[key] = put
  else if (Array.isArray(holder)) holder.splice(Number(key), how === 'delete' ? 1 : 0, ...(how === 'add' ? [put] : []))
  else if (how === 'delete') delete holder[key]
  else holder[`${key}_x`] = put
  return copy
}

function placesIn(value: unknown): [Record<string, unknown>, string][] {
  if (typeof value !== 'object' || value === null) return []
  const holder = value as Record<string, unknown>
  return Object.keys(holder).flatMap((key) => [
    [holder, key] as [Record<string, unknown>, string],
    ...placesIn(holder[key]),
  ])
}

describe('the quick test of an event', () => {
  it('says yes to what our writers leave', () => {
    expect(recorded.length).toBeGreaterThan(200)
    expect(recorded.filter((event) => !envelopeFits(event))).toEqual([])
    // The checks of a workflow are a union, which is left to zod; a session has one such event.
    const slow = recorded.filter(({ type, data }) => dataFits.get(type)?.(data) !== true)
    expect(new Set(slow.map(({ type }) => type))).toEqual(new Set(['session.started']))
  })

  it('never says yes to what zod refuses or changes, whatever was done to an event', () => {
    const law = fc.property(
      fc.constantFrom(...recorded),
      fc.array(change, { minLength: 1, maxLength: 3 }),
      (event, changes) => {
        const { type, data } = event
        const isDataRight = isRight(
          eventSchemas[type],
          dataFits.get(type) ?? (() => false),
          changes.reduce<unknown>(changed, data),
        )
        return isRight(envelopeSchema, envelopeFits, changes.reduce<unknown>(changed, event)) && isDataRight
      },
    )
    expect(fc.check(law, { numRuns: 3_000 })).toMatchObject({ failed: false, counterexample: null })
  })

  it('says no wherever zod would change a value, and to kinds it does not know', () => {
    const cases: [z.ZodType, unknown, boolean][] = [
      [z.string().trim(), 'a', false],
      [z.coerce.number(), 1, false],
      [z.email(), 'a@b.c', false],
      [z.union([z.string(), z.number()]), 'a', false],
      [z.object({ a: z.string().default('x') }), {}, false],
      [z.object({ a: z.string().default('x') }), { a: 'y' }, true],
      [z.object({ a: z.string().optional() }), {}, true],
      [z.object({ a: z.string() }), { a: 'y', b: 1 }, false],
      [z.looseObject({ a: z.string() }), { a: 'y', b: 1 }, false],
      [z.record(z.string(), z.number()), JSON.parse('{"__proto__": 1}'), false],
      [z.array(z.int().min(1)), [1, 2], true],
      [z.array(z.int().min(1)), [1, 0], false],
      [z.string().regex(/^a/g), 'a', false],
    ]
    expect(cases.map(([schema, value]) => fitsOf(schema)(value))).toEqual(cases.map(([, , yes]) => yes))
  })
})
