/** What a draining runner leaves to the next one instead of starting it. */
import type { Intent, IntentType } from '../machines/intents.ts'

/** Beginnings: left alone once draining, so that turns under way can finish and nothing new comes. */
const BEGINNINGS: ReadonlySet<IntentType> = new Set([
  'openSession',
  'createWorkspace',
  'prepareTurn',
  'execTurn',
  'endHold',
])
/** Beginnings that are only waiting: told to end as soon as draining begins. */
const WAITING: ReadonlySet<IntentType> = new Set(['openSession', 'prepareTurn', 'endHold'])
/** Effects that only need to be decided: they take no time, so they are done even when time is up. */
const DECISIONS: ReadonlySet<IntentType> = new Set([
  'settleTurn',
  'holdPost',
  'conclude',
  'resumeSession',
  'closeSession',
])

export type Draining = 'no' | 'finishing' | 'time_is_up'

/** Whether the effect is for the next runner. A turn that an earlier runner began is recorded as interrupted here. */
export function isLeftToNext(intent: Intent, recovered: boolean, draining: Draining): boolean {
  if (draining === 'time_is_up') return !DECISIONS.has(intent.type)
  return draining === 'finishing' && BEGINNINGS.has(intent.type) && !(recovered && intent.type === 'execTurn')
}

export function endsWhenDraining(intent: Intent): boolean {
  return WAITING.has(intent.type)
}
