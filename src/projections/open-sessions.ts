/**
 * What there is to do: all sessions that are not closed, in one document. For runners that join a long log, so that
 * they need not read it from the start; not one of the views that people look at.
 */
import { z } from 'zod'
import { INDEXES } from './names.ts'
import { defineProjection } from './projection.ts'
import { EVENT_TYPES } from '../events/session-events.ts'

export const OPEN_SESSIONS_KEY = 'open'

const openSessionsSchema = z.object({
  sessions: z.record(z.string(), z.object({ lane: z.string(), started_at: z.int().min(1).describe('position') })),
})

export const openSessions = defineProjection(openSessionsSchema)({
  ...INDEXES.openSessions,
  nouns: ['start', 'session'],
  keysOf: () => [OPEN_SESSIONS_KEY],
  opens: {
    'start.requested': (document, { subject, data, position }) => ({
      sessions: { ...document?.sessions, [subject]: { lane: data.labels.lane ?? '', started_at: position } },
    }),
  },
  on: {
    'session.closed': (document, { subject }) => {
      const { [subject]: _closed, ...sessions } = document.sessions
      return { sessions }
    },
  },
  ignores: EVENT_TYPES.filter((type) => type !== 'start.requested' && type !== 'session.closed'),
  // Copied once for all of them: there may be very many open sessions.
  many: (document, events) => {
    const sessions = new Map(Object.entries(document?.sessions ?? {}))
    let isOpen = document !== null
    for (const { type, subject, data, position } of events) {
      if (type === 'start.requested') {
        sessions.set(subject, { lane: data.labels.lane ?? '', started_at: position })
        isOpen = true
      } else if (type === 'session.closed') sessions.delete(subject)
    }
    return isOpen ? { sessions: Object.fromEntries(sessions) } : null
  },
})
