/** The newest sessions of each objective and of each tracker item by id, so that recalling them reads no others. */
import { z } from 'zod'
import type { StartInput } from '../events/start-input.ts'
import { EVENT_TYPES } from '../events/session-events.ts'
import { INDEXES } from './names.ts'
import { defineProjection } from './projection.ts'

/** More than are ever recalled, since some of them may not have ended. */
export const RELATED_SESSIONS_MAX = 50

const relatedSessionsSchema = z.object({
  sessions: z.array(z.object({ session_id: z.string(), started_at: z.int().min(1).describe('position') })),
})

export const relatedSessions = defineProjection(relatedSessionsSchema)({
  ...INDEXES.relatedSessions,
  nouns: ['start'],
  keysOf: (event) => (event.type === 'start.requested' ? relatedKeys(event.data) : []),
  opens: {
    'start.requested': (document, { subject, position }) => ({
      sessions: [{ session_id: subject, started_at: position }, ...(document?.sessions ?? [])].slice(
        0,
        RELATED_SESSIONS_MAX,
      ),
    }),
  },
  on: {},
  ignores: EVENT_TYPES.filter((type) => type !== 'start.requested'),
})

/** What a session has in common with others; empty when nothing. */
export function relatedKeys({
  objective_id,
  tracker_item_id,
}: Pick<StartInput, 'objective_id' | 'tracker_item_id'>): string[] {
  return [
    ...(tracker_item_id === undefined ? [] : [`tracker/${tracker_item_id}`]),
    ...(objective_id === undefined ? [] : [`objective/${objective_id}`]),
  ]
}
