/** The newest sessions by id, in one document, so that listing them need not read every record there ever was. */
import { z } from 'zod'
import { EVENT_TYPES } from '../events/session-events.ts'
import { INDEXES, RECENT_SESSIONS_KEY, RECENT_SESSIONS_MAX } from './names.ts'
import { defineProjection } from './projection.ts'

const recentSessionsSchema = z.object({ session_ids: z.array(z.string()).describe('newest first') })

export const recentSessions = defineProjection(recentSessionsSchema)({
  ...INDEXES.recentSessions,
  nouns: ['start'],
  keysOf: () => [RECENT_SESSIONS_KEY],
  opens: {
    'start.requested': (document, { subject }) => ({
      session_ids: [subject, ...(document?.session_ids ?? [])].slice(0, RECENT_SESSIONS_MAX),
    }),
  },
  on: {},
  ignores: EVENT_TYPES.filter((type) => type !== 'start.requested'),
  many: (document, events) => {
    const started = events.filter(({ type }) => type === 'start.requested').map(({ subject }) => subject)
    if (started.length === 0) return document
    const session_ids = [...started.toReversed(), ...(document?.session_ids ?? [])].slice(0, RECENT_SESSIONS_MAX)
    return { session_ids }
  },
})
