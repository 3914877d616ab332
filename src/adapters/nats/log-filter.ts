/** What a reader asked for, as subjects: what to read, what to be woken by, and what is left to pick out here. */
import { isSessionId, SESSION_ID_WORDS, type SessionId } from '../../events/ids.ts'
import type { Names } from '../../events/subjects.ts'
import { SwarmError } from '../../runtime/errors.ts'
import type { LogFilter } from '../../runtime/ports.ts'
import { ANY_SUBJECT } from './stored.ts'

const NOUN_PATTERN = /^[a-z_]{1,32}$/

export type SubjectFilter = {
  /** Filter of the stored messages to read. */
  read: string
  /** What to have delivered as it is stored, none standing for all; null where there would be too many of these. */
  follow: readonly string[] | null
  /** Subjects whose republished messages say that there is something to read. */
  live: readonly string[]
  /** Whether a message that was read was asked for. */
  accepts(subject: string): boolean
}

/**
 * A direct read takes one filter. One noun, one session or all are picked by the server; of several nouns only the
 * wake-ups are, for reads per noun could not be merged in log order: each would know another moment of the log.
 */
export function subjectFilter(names: Names, filter: LogFilter = {}): SubjectFilter {
  const { nouns } = filter
  const sessionId = filter.sessionId === undefined ? undefined : checkedSession(filter.sessionId)
  for (const noun of nouns ?? []) if (!NOUN_PATTERN.test(noun)) throw invalid(`${noun} is not the noun of an event`)
  const everything = sessionId === undefined ? ANY_SUBJECT : names.trail(sessionId)
  if (nouns === undefined) {
    const isAll = sessionId === undefined
    const live = isAll ? names.allLive : names.liveOf(everything)
    return { read: everything, follow: isAll ? [] : null, live: [live], accepts: () => true }
  }
  const subjectOf = (noun: string) => (sessionId === undefined ? names.noun(noun) : names.event(sessionId, noun))
  const [only] = nouns
  const wanted = new Set(nouns)
  const subjects = [...wanted].map(subjectOf)
  return {
    read: only !== undefined && wanted.size === 1 ? subjectOf(only) : everything,
    follow: sessionId === undefined && subjects.length > 0 ? subjects : null,
    live: subjects.map((subject) => names.liveOf(subject)),
    accepts: (subject) => wanted.has(subject.slice(subject.lastIndexOf('.') + 1)),
  }
}

/** A session id becomes part of a subject, where a `*` would mean every session. */
export function checkedSession(sessionId: SessionId): SessionId {
  if (isSessionId(sessionId)) return sessionId
  throw invalid(`${sessionId} is not a session id: expected ${SESSION_ID_WORDS}`)
}

function invalid(message: string): SwarmError {
  return new SwarmError('invalid_argument', message)
}
