import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  aceBridge,
  aceBridgeSchema,
  acePosts,
  acePostsSchema,
  aceRegistry,
  aceRegistrySchema,
} from '../../src/projections/ace-export.ts'
import { foldDocuments, type Projection } from '../../src/projections/projection.ts'
import { registry } from '../../src/projections/registry.ts'
import { vericify } from '../../src/projections/vericify.ts'
import type { RecordedEvent } from '../../src/events/envelope.ts'
import { runArbitrary } from './histories.ts'
import { fact, recordAll, timeAt } from './support.ts'

function documents<Document>(projection: Projection<Document>, events: readonly RecordedEvent[]): Document[] {
  return [...foldDocuments(projection, events).values()].flatMap(({ document }) =>
    document === null ? [] : [document],
  )
}

describe('export for ACE', () => {
  it('makes files that their schemas accept unchanged, of any run', () => {
    fc.assert(
      fc.property(runArbitrary, (events) => {
        const file = aceRegistry(documents(registry, events), timeAt(99))
        expect(aceRegistrySchema.parse(file)).toStrictEqual(file)
        const posts = acePosts(documents(vericify, events), timeAt(99))
        expect(acePostsSchema.parse(posts)).toStrictEqual(posts)
        const bridge = aceBridge(documents(vericify, events), timeAt(99))
        expect(aceBridgeSchema.parse(bridge)).toStrictEqual(bridge)
      }),
      { numRuns: 25 },
    )
  })

  it('lists sessions oldest first, without the machine’s bookkeeping', () => {
    const events = recordAll(['B', 'A'].map((session) => ({ session, fact: fact('start.requested') })))
    const file = aceRegistry(documents(registry, events).toReversed(), timeAt(99))
    expect(file).toMatchObject({ schema: 'runtime-executor-session-registry@1.0.0', generated_at: timeAt(99) })
    expect(file.sessions.map(({ session_id }) => session_id)).toEqual(['B', 'A'])
    expect(file.sessions[0]).not.toHaveProperty('lifecycle')
  })
})
