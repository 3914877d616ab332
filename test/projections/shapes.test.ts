import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { indexes, projections } from '../../src/projections/catalog.ts'
import { foldDocuments, type Projection } from '../../src/projections/projection.ts'
import { hasShape, SHAPES } from '../../src/projections/shapes.ts'
import { recorded } from '../../src/runtime/log-item.ts'
import { soundLog } from '../../src/runtime/sound-log.ts'
import { appendInterleaved, memoryPorts, toldLogs } from '../support/told-log.ts'

const kept = [...Object.values(projections), ...Object.values(indexes)] as Projection<unknown>[]

type Property = { type?: string | string[]; const?: unknown; anyOf?: Property[] }

/** What a field holds, by its schema. */
function fieldOf(property: Property): string {
  const kinds = kindsOf(property).map((kind) => (kind === 'integer' ? 'number' : kind))
  const [kind, ...more] = new Set(kinds.filter((kind) => kind !== 'null'))
  expect(more).toEqual([])
  return `${kind}${kinds.includes('null') ? '?' : ''}`
}

function kindsOf({ type, const: value, anyOf }: Property): string[] {
  if (anyOf !== undefined) return anyOf.flatMap(kindsOf)
  return type === undefined ? [typeof value] : [type].flat()
}

describe('the shapes of stored documents', () => {
  it('are those of their schemas', () => {
    const shapes = kept.map(({ name, schema }) => {
      const { properties } = z.toJSONSchema(schema) as { properties: Record<string, Property> }
      return [name, Object.fromEntries(Object.entries(properties).map(([key, property]) => [key, fieldOf(property)]))]
    })
    expect(SHAPES).toEqual(Object.fromEntries(shapes))
  })

  it('are those of whatever comes of a log', async () => {
    await fc.assert(
      fc.asyncProperty(toldLogs, async ({ trails, turns }) => {
        const ports = memoryPorts()
        await appendInterleaved(ports.log, trails, turns)
        const events = []
        for await (const item of soundLog(ports, { after: 0, once: true })) events.push(recorded(item) ?? [])
        for (const projection of kept) {
          const folded = [...foldDocuments(projection, events.flat()).values()]
          const others = folded.filter(({ document }) => document !== null && !hasShape(projection.name, document))
          expect(others).toEqual([])
        }
      }),
      { numRuns: 20 },
    )
  })

  it('are nothing else', () => {
    const document = { session_id: 'S1', task: 'a', events: [] }
    expect(hasShape('status-events', document)).toBe(true)
    const others = [
      null,
      5,
      'a',
      [],
      {},
      { ...document, events: {} },
      { ...document, task: null },
      { session_id: 'S1' },
    ]
    for (const other of others) expect(hasShape('status-events', other)).toBe(false)
    expect(hasShape('no-view', document)).toBe(false)
  })
})
