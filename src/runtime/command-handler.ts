/** Commands from outside the owning runner: load the trail, decide, append; on a conflict, load and decide again. */
import { describe } from '../events/catalog.ts'
import type { SwarmEvent } from '../events/envelope.ts'
import type { Position, SessionId } from '../events/ids.ts'
import { eventSchemas, type SessionFact } from '../events/session-events.ts'
import type { CommandBody } from '../machines/commands.ts'
import { decide, INITIAL_STATE, type Refusal, type SessionState } from '../machines/decider.ts'
import { isSwarmError, SwarmError } from './errors.ts'
import type { Clock, EventLog } from './ports.ts'
import { loadTrail, nextEvent, type Author } from './trail.ts'

const CONFLICT_ATTEMPTS_MAX = 16
/** A server that takes writes in and never answers, as one with a full disk does, keeps a caller for about 17 s. */
const APPEND_ATTEMPTS_MAX = 3
const APPEND_RETRY_WAIT_MS = 250

export type Accepted = { ok: true; position: Position; event: SwarmEvent; state: SessionState }

/**
 * Decides a command on a session and appends the fact. Refusals are values; nothing was written then.
 * Throws `invalid_argument` for a command whose event would not be what its schema says, `log_unreachable`,
 * `append_outcome_unknown` (after a bounded number of tries), `history_corrupt`.
 */
export async function handleCommand(
  { log, clock }: { log: EventLog; clock: Clock },
  author: Author,
  sessionId: SessionId,
  body: CommandBody,
): Promise<Accepted | Refusal> {
  // A start is decided on an empty trail without reading it: the log itself refuses it when there is one.
  let state = body.type === 'START' ? INITIAL_STATE : (await loadTrail(log, sessionId)).state
  for (let attempt = 1; attempt <= CONFLICT_ATTEMPTS_MAX; attempt++) {
    const at = clock.now()
    const decision = decide(state, { ...body, at })
    if (!decision.ok) return decision
    refuseUnreadable(decision.fact)
    const event = nextEvent(state, decision.fact, sessionId, author, { at })
    try {
      const position = await appendSurely(log, clock, event, state.version)
      return { ok: true, position, event, state }
    } catch (error) {
      if (!isSwarmError(error, 'wrong_expected_version')) throw error
      state = (await loadTrail(log, sessionId)).state
    }
  }
  throw new SwarmError(
    'wrong_expected_version',
    `session ${sessionId} changed ${CONFLICT_ATTEMPTS_MAX} times under this command; try again`,
    {
      retryable: true,
    },
  )
}

/** What no reader could decode is never written; what is wrong is named by field. */
function refuseUnreadable({ type, data }: SessionFact): void {
  const parsed = eventSchemas[type].safeParse(data)
  if (!parsed.success) throw new SwarmError('invalid_argument', describe(parsed.error.issues))
}

/**
 * Resolves an unknown outcome by offering the very same event again: the log knows it by its id. Once an outcome is
 * unknown, a log that can't be reached leaves it so: `log_unreachable` would say that nothing was written.
 */
async function appendSurely(log: EventLog, clock: Clock, event: SwarmEvent, expected: Position): Promise<Position> {
  let unknown: SwarmError | null = null
  for (let attempt = 1; ; attempt++) {
    try {
      return await log.append(event, expected)
    } catch (error) {
      if (isSwarmError(error, 'append_outcome_unknown')) unknown = error
      else if (unknown === null || !isSwarmError(error, 'log_unreachable')) throw error
      if (attempt === APPEND_ATTEMPTS_MAX) throw unknown
      await clock.sleep(APPEND_RETRY_WAIT_MS * attempt)
    }
  }
}
