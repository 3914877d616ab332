/**
 * The three pure functions that carry the whole system, over the session machine:
 *
 *   decide(state, command) -> one fact, or a refusal      (nothing moves)
 *   evolve(state, event)   -> the next state              (nothing is decided)
 *   plan(state, event)     -> the effects asked for
 *
 * Live running, recovery, replay, time travel and simulation all fold with `evolve`; nothing else changes a state.
 */
import type { SwarmEvent } from '../events/envelope.ts'
import { NO_HASH } from '../events/envelope.ts'
import type { Position } from '../events/ids.ts'
import type { SessionFact } from '../events/session-events.ts'
import type { Command } from './commands.ts'
import { INITIAL_CONTEXT, type SessionContext } from './context.ts'
import { ABORTED_BY_STOP, type Intent } from './intents.ts'
import { pureTransition, snapshotAt } from './pure-transition.ts'
import { INITIAL_PATH, isActive, move, type StatePath } from './transition-table.ts'

/** Where a session stands in its life: the machine's outermost state. `unstarted`: there is none. */
export type Phase = 'unstarted' | 'queued' | 'preflight' | 'executing' | 'stalled' | 'blocked' | 'cleanup' | 'closed'

/** A session as folded from its trail: plain JSON. */
export type SessionState = Readonly<{
  /** Where the machine is, e.g. `executing.running`. */
  at: StatePath
  context: SessionContext
  /** Effects asked for and not answered yet: what a runner that takes over has to do. */
  pending: readonly Intent[]
  /** Position of the last event; 0 before the first. What the next append expects. */
  version: Position
  /** Hash of the last event. */
  head: string
  lastEventId: string
}>

/** Why a command was not accepted, in which phase. Nothing was written. */
export type Refusal = Readonly<{
  ok: false
  code: 'not_accepted_in_phase' | 'session_exists' | 'session_not_found' | 'post_not_found'
  message: string
  phase: Phase
  command: string
}>
export type Decision = { ok: true; fact: SessionFact } | Refusal

/** An event that the machine does not take in its state: the history is not one of this machine's. */
export class UnhandledEventError extends Error {
  readonly code = 'unhandled_event'
  readonly phase: string
  readonly eventType: string
  constructor(phase: string, eventType: string) {
    super(`${eventType} is not possible in ${phase}`)
    this.name = 'UnhandledEventError'
    this.phase = phase
    this.eventType = eventType
  }
}

export const INITIAL_STATE: SessionState = {
  at: INITIAL_PATH,
  context: INITIAL_CONTEXT,
  pending: [],
  version: 0,
  head: NO_HASH,
  lastEventId: '',
}

export function decide(state: SessionState, command: Command): Decision {
  if (command.cause !== undefined && !state.pending.some((intent) => intent.id === command.cause)) {
    return refuse(state, command, `effect ${command.cause} is not pending`)
  }
  const before = snapshotAt(state.at, state.context)
  const [next, actions] = pureTransition(before, command)
  if (next.value !== before.value || next.context !== before.context) {
    throw new Error(`command ${command.type} moved the machine`)
  }
  const emitted = actions.filter((action) => action.type === 'xstate.emit')
  if (emitted.length > 1) throw new Error(`command ${command.type} emitted ${emitted.length} events`)
  const [only] = emitted
  return only === undefined
    ? refuse(state, command, `${command.type} is not accepted in phase ${phaseOf(state)} (${state.at})`)
    : { ok: true, fact: (only.params as { event: SessionFact }).event }
}

/** Throws `UnhandledEventError` when the event is not possible in this state. */
export function evolve(state: SessionState, event: SwarmEvent, position: Position): SessionState {
  return advance(state, event, position).state
}

/** The effects this event asks for in this state. */
export function plan(state: SessionState, event: SwarmEvent): readonly Intent[] {
  return advance(state, event, state.version).intents
}

/** `evolve` and `plan` in one transition, for those who need both. */
export function advance(
  state: SessionState,
  event: SwarmEvent,
  position: Position,
): { state: SessionState; intents: readonly Intent[] } {
  const moved = move(state.at, state.context, event)
  if (moved === null) throw new UnhandledEventError(state.at, event.type)
  const { at, context, asked } = moved
  const intents = asked.map((one, index) => ({ id: `${event.id}/${index}`, ...one }) as Intent)
  const kept = state.pending.filter(({ owner }) => isActive(at, owner) && !asked.some((one) => one.owner === owner))
  return {
    state: { at, context, pending: [...kept, ...intents], version: position, head: event.hash, lastEventId: event.id },
    intents,
  }
}

export function contextOf(state: SessionState): SessionContext {
  return state.context
}

export function phaseOf({ at }: SessionState): Phase {
  return at.split('.', 1)[0] as Phase
}

/** The full path of the active state, e.g. `executing.running`. */
export function stateName(state: SessionState): StatePath {
  return state.at
}

/** Whether a pending effect has to be ended because the session was asked to stop. */
export function mustAbort(state: SessionState, intent: Intent): boolean {
  const { stop, outcome } = contextOf(state)
  return stop !== null && outcome === null && ABORTED_BY_STOP.has(intent.type)
}

function refuse(state: SessionState, command: Command, message: string): Refusal {
  const phase = phaseOf(state)
  const known = (code: Refusal['code'], words: string): Refusal => ({
    ok: false,
    code,
    message: words,
    phase,
    command: command.type,
  })
  if (command.type === 'START') return known('session_exists', `session ${command.input.session_id} exists already`)
  if (phase === 'unstarted') return known('session_not_found', 'there is no such session')
  if (command.type === 'APPROVE' || command.type === 'DENY') {
    return known('post_not_found', `no post ${command.post_id} is held: there is none, or it is decided already`)
  }
  return known('not_accepted_in_phase', message)
}
