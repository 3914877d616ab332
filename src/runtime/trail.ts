/** Folding trails: from what the log holds to the state of a session. */
import type { Sha256 } from '../events/hash-chain.ts'
import { sealEvent } from '../events/hash-chain.ts'
import type { SwarmEvent } from '../events/envelope.ts'
import type { Position, SessionId } from '../events/ids.ts'
import { runRefOf, type StartInput } from '../events/start-input.ts'
import { isCoordinators, type SessionFact } from '../events/session-events.ts'
import { toTimestamp } from '../events/timestamp.ts'
import {
  advance,
  contextOf,
  INITIAL_STATE,
  phaseOf,
  type SessionState,
  UnhandledEventError,
} from '../machines/decider.ts'
import type { Intent } from '../machines/intents.ts'
import { messageOf, SwarmError } from './errors.ts'
import type { EventLog, Ids, LogEvent, LogParked } from './ports.ts'

/** A message in a trail that could not be taken in: no event at all, or one the machine does not accept there. */
export type Parked = { position: Position; code: string; reason: string }
export type Step = {
  item: LogEvent | LogParked
  state: SessionState
  intents: readonly Intent[]
  parked: Parked | null
}

/**
 * Whether an event is no part of the history whose last hash is given: a coordinator's that does not name it as its
 * predecessor. Its writer has not read the trail, so it was not decided on. The chain of the runner's events is for
 * `verify` to judge: what breaks it is no stranger's doing.
 */
export function isStray(event: SwarmEvent, head: string): boolean {
  return isCoordinators(event.type) && event.prevhash !== head
}

/**
 * Takes one item into a state. Foreign and malformed messages, coordinators' events that are stray, and those that the
 * machine does not accept, are parked: they are reported and move the version on (the next append must expect them) but
 * nothing else. One that was written properly stays a link of the chain, except before the session's start.
 * An unacceptable event of a runner's noun means that the history is not one of ours: throws `history_corrupt`.
 */
export function takeIn(state: SessionState, item: LogEvent | LogParked): Step {
  if (item.kind === 'parked') {
    return { item, state: { ...state, version: item.position }, intents: [], parked: item }
  }
  if (isStray(item.event, state.head)) {
    const reason = `${item.event.type} does not follow the event before it: its prevhash is another's hash`
    const parked = { position: item.position, code: 'event_schema', reason }
    return { item, state: { ...state, version: item.position }, intents: [], parked }
  }
  try {
    const { state: next, intents } = advance(state, item.event, item.position)
    return { item, state: next, intents, parked: null }
  } catch (error) {
    if (!(error instanceof UnhandledEventError)) throw error
    const { event, position } = item
    if (!isCoordinators(event.type)) {
      throw new SwarmError(
        'history_corrupt',
        `session ${event.subject}: event ${event.id} at ${position}: ${error.message}`,
        {
          details: { session_id: event.subject, position, id: event.id },
          cause: error,
        },
      )
    }
    const parked = { position, code: error.code, reason: error.message }
    const head = phaseOf(state) === 'unstarted' ? state.head : event.hash
    return { item, state: { ...state, version: position, head }, intents: [], parked }
  }
}

/** Folds a trail from the log, telling of each item before it is taken in. An empty trail gives the initial state. */
export async function loadTrail(
  log: EventLog,
  sessionId: SessionId,
  look: (state: SessionState, item: LogEvent | LogParked) => void = () => undefined,
): Promise<{ state: SessionState; parked: Parked[] }> {
  let state = INITIAL_STATE
  const parked: Parked[] = []
  await log.walk(sessionId, (item) => {
    look(state, item)
    const step = takeIn(state, item)
    state = step.state
    if (step.parked !== null) parked.push(step.parked)
  })
  return { state, parked }
}

export type Author = { ids: Ids; sha256: Sha256; source: string; traceparent?: string | undefined }

/** As {@link nextEvent}; or why no event can hold the fact. */
export function eventOrFault(...given: Parameters<typeof nextEvent>): SwarmEvent | Error {
  try {
    return nextEvent(...given)
  } catch (error) {
    return error instanceof Error ? error : new Error(messageOf(error))
  }
}

/** Seals a fact as the next event of the trail whose state is given. `at` is epoch milliseconds. */
export function nextEvent(
  state: SessionState,
  fact: SessionFact,
  sessionId: SessionId,
  author: Author,
  decided: { at: number; cause?: string | undefined },
): SwarmEvent {
  const request: StartInput | null = fact.type === 'start.requested' ? fact.data : contextOf(state).request
  const id = author.ids.next()
  return sealEvent(
    fact,
    {
      id,
      source: author.source,
      sessionId,
      time: toTimestamp(decided.at),
      correlationId: request === null ? sessionId : runRefOf(request),
      causationId: decided.cause ?? (state.lastEventId || id),
      traceparent: author.traceparent,
      prevHash: state.head,
    },
    author.sha256,
  )
}
