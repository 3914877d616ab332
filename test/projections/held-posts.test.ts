import fc from 'fast-check'
import { expect, it } from 'vitest'
import { getInitialSnapshot, transition } from 'xstate'
import { sessionMachine } from '../../src/machines/session-machine.ts'
import { applyEvent, type Stored } from '../../src/projections/projection.ts'
import { vericify } from '../../src/projections/vericify.ts'
import type { VericifyDocument } from '../../src/projections/vericify-document.ts'
import { historyArbitrary } from './histories.ts'

it('the view holds, and is about to hold, the very posts that the machine does', () => {
  let held = 0
  fc.assert(
    fc.property(historyArbitrary, (events) => {
      let snapshot = getInitialSnapshot(sessionMachine)
      let stored: Stored<VericifyDocument> | null = null
      for (const event of events) {
        ;[snapshot] = transition(sessionMachine, snapshot, event)
        stored = applyEvent(vericify, stored, event)
        const session = stored.document?.sessions[0]
        if (!session?.emits) continue
        const { post, heldPosts } = snapshot.context
        expect(stored.document?.held.map(({ post_id }) => post_id)).toEqual(heldPosts)
        expect(session.announced ?? {}).toMatchObject(post ?? {})
        held += heldPosts.length
      }
    }),
    { numRuns: 100 },
  )
  expect(held).toBeGreaterThan(0)
})
