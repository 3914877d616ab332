/** What must hold at the end of every seed, whatever happened on the way. */
import type { RecordedEvent } from '../../src/events/envelope.ts'
import { nounOf } from '../../src/events/session-events.ts'
import type { WorkflowConfig } from '../../src/events/workflow-config.ts'
import { contextOf, phaseOf } from '../../src/machines/decider.ts'
import { foldDocuments, type Projection } from '../../src/projections/projection.ts'
import { storeNameOf } from '../../src/projections/names.ts'
import type { Server } from './server.ts'
import type { Trail } from './witness.ts'
import type { World } from './world.ts'

/** Closed once, with an outcome, and `after_run` recorded exactly once where it was due. */
export function checkSession(world: World, { events, state }: Trail, { hooks }: WorkflowConfig): void {
  const context = contextOf(state)
  const sessionId = context.request?.session_id ?? ''
  const closed = events.filter((event) => event.type === 'session.closed').length
  const afterRun = events.filter((event) => event.type === 'hook.finished' && event.data.hook === 'after_run').length
  const ran = hooks.before_run === undefined ? context.turnsStarted > 0 : context.beforeRunOk
  const due = hooks.after_run !== undefined && ran ? 1 : 0
  if (afterRun !== due) world.violate(`after_run of ${sessionId} is recorded ${afterRun} times, not ${due}`)
  if (phaseOf(state) !== 'closed' || closed !== 1) world.violate(`${sessionId} is not closed once`)
  if (context.outcome === null) world.violate(`${sessionId} has no outcome`)
}

/** What the projectors stored is what folding the whole log gives. */
export async function checkView(
  world: World,
  projection: Projection<unknown>,
  { views }: Server,
  events: readonly RecordedEvent[],
): Promise<void> {
  const name = storeNameOf(projection)
  const { nouns } = projection
  const stored = new Map<string, string>()
  for await (const { key, position, document } of views.list(name))
    stored.set(key, JSON.stringify({ position, document }))
  const folded = foldDocuments(
    projection,
    events.filter(({ type }) => nouns === undefined || nouns.includes(nounOf(type))),
  )
  for (const key of new Set([...stored.keys(), ...folded.keys()])) {
    const { position, document } = folded.get(key) ?? { position: 0, document: null }
    if (stored.get(key) !== JSON.stringify({ position, document })) {
      world.violate(`view ${name} of ${key} is not what the log folds to`)
    }
  }
}
