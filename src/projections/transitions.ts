/** Every transition of a session, oldest first. All are kept: the session's turns bound them. */
import { z } from 'zod'
import type { RecordedEvent } from '../events/envelope.ts'
import { EVENT_TYPES, type EventType } from '../events/session-events.ts'
import { VIEWS } from './names.ts'
import { bySession, defineProjection } from './projection.ts'
import { track, trackedSchema, transitionRecordSchema, UNTRACKED } from './transition-records.ts'

export const transitionsSchema = z.object({
  session_id: z.string(),
  records: z.array(transitionRecordSchema),
  tracked: trackedSchema.describe('where every subject is now'),
})
export type TransitionsDocument = z.output<typeof transitionsSchema>

export const transitions = defineProjection(transitionsSchema)({
  ...VIEWS.transitions,
  keysOf: bySession,
  opens: {
    'start.requested': (document, event) => document ?? { session_id: event.subject, records: [], tracked: UNTRACKED },
  },
  on: {},
  ignores: EVENT_TYPES.filter((type): type is Exclude<EventType, 'start.requested'> => type !== 'start.requested'),
  each: (document, event) => recorded(document, event),
})

function recorded(document: TransitionsDocument, event: RecordedEvent): TransitionsDocument {
  const { tracked, records } = track(document.tracked, event)
  if (tracked === document.tracked) return document
  return { session_id: document.session_id, records: document.records.concat(records), tracked }
}
