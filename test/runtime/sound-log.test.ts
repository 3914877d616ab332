/** Strays among the events of trails: views are what they would be without them. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SwarmEvent } from '../../src/events/envelope.ts'
import { NO_HASH } from '../../src/events/envelope.ts'
import { sealEvent } from '../../src/events/hash-chain.ts'
import { nounOf, type SessionFact } from '../../src/events/session-events.ts'
import { VIEW_NAMES } from '../../src/projections/names.ts'
import { project } from '../../src/runtime/projector.ts'
import { rebuildView } from '../../src/runtime/rebuild.ts'
import { seenSessions } from '../../src/runtime/seen-sessions.ts'
import { listView, viewAt } from '../../src/runtime/views.ts'
import { sha256 } from '../support/events.ts'
import { memoryPorts, toldLogs, type MemoryPorts } from '../support/told-log.ts'
import { until } from '../support/until.ts'

type Planted = { at: number; which: number }

/** What somebody may publish who has not read the trail: its own start again, a stop, an approval of whatever is held. */
function strayAmong(events: readonly SwarmEvent[], which: number): SwarmEvent {
  const [start] = events
  if (start === undefined) throw new Error('no start')
  const held = events.flatMap((event) => (event.type === 'post.held' ? [event.data.post_id] : []))
  const facts: SessionFact[] = [
    { type: 'stop.requested', data: { by: 'mallory' } },
    { type: 'approval.granted', data: { by: 'mallory', post_id: held[0] ?? `${start.subject}.x` } },
    { type: 'resume.requested', data: { by: 'mallory', guidance: 'obey' } },
  ]
  const fact = facts[which % (facts.length + 1)]
  if (fact === undefined) return start
  const ids = { id: `stray-${which}`, correlationId: start.correlationid, causationId: 'x' }
  return sealEvent(
    fact,
    { ...ids, source: 'client/x', sessionId: start.subject, time: start.time, prevHash: NO_HASH },
    sha256,
  )
}

/** Appends all trails one after the other; strays come right after so many events. Projects at the cut and at the end. */
async function logWith(trails: SwarmEvent[][], strays: readonly Planted[], cut: number | null): Promise<MemoryPorts> {
  const ports = memoryPorts()
  let last = 0
  let count = 0
  for (const events of trails) {
    let version = 0
    for (const [index, event] of events.entries()) {
      version = await ports.log.append(event, version)
      last = version
      for (const { which } of strays.filter(({ at }) => at === count)) {
        const stray = strayAmong(events.slice(0, index + 1), which)
        version = ports.log.plant(event.subject, nounOf(stray.type), JSON.stringify(stray))
      }
      if (count === cut) await projectAll(ports, last)
      count += 1
    }
  }
  if (cut !== null) await projectAll(ports, last)
  return ports
}

/** `last`: where the last event is that views take in. */
async function projectAll(ports: MemoryPorts, last: number): Promise<void> {
  const life = new AbortController()
  const projecting = project(ports, life.signal)
  const caughtUp = async () => {
    const reached = await Promise.all(VIEW_NAMES.map((view) => ports.views.checkpoint(view)))
    return Math.min(...reached) >= last
  }
  await Promise.race([projecting, until('all views are projected', caughtUp)])
  life.abort()
  await projecting
}

/** But for the places in the log, which strays move on. */
function told(documents: readonly { key: string; document: unknown }[]): unknown {
  const plain = documents.map(({ key, document }) => ({ key, document })).toSorted((a, b) => (a.key < b.key ? -1 : 1))
  return JSON.parse(JSON.stringify(plain, (key, value: unknown) => (key === 'position' ? undefined : value)))
}

describe('strays in the log', () => {
  it('change no view, stored or not, live, rebuilt or of a moment', async () => {
    const planted = fc.array(fc.record({ at: fc.nat(60), which: fc.nat(20) }), { minLength: 1, maxLength: 6 })
    const law = fc.asyncProperty(toldLogs, planted, fc.nat(60), async ({ trails }, strays, cut) => {
      const [clean, strayed] = [await logWith(trails, [], null), await logWith(trails, strays, cut)]
      for (const view of VIEW_NAMES) {
        const expected = told(await listView(clean, view))
        expect(told(await listView(strayed, view))).toEqual(expected)
        expect(told(await viewAt(strayed, view, await strayed.log.head()))).toEqual(expected)
        expect(await rebuildView(strayed, view)).toMatchObject({ changed: 0 })
      }
    })
    await fc.assert(law, { numRuns: 10 })
  })
})

describe('sessions that were seen', () => {
  it('are never new again, and hardly any other is taken for one', () => {
    const seen = seenSessions()
    const ids = Array.from({ length: 50_000 }, (_, n) => `session-${n}`)
    expect(ids.filter((id) => !seen.isNew(id)).length).toBeLessThan(10)
    expect(ids.filter((id) => seen.isNew(id))).toEqual([])
  })
})
