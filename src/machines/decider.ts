/**
 * The three pure functions that carry the whole system, over the session machine:
 *
 *   decide(state, command) -> one fact, or a refusal      (nothing moves)
 *   evolve(state, event)   -> the next state              (nothing is decided)
 *   plan(state, event)     -> the effects asked for
 *
 * Live running, recovery, replay, time travel and simulation all fold with `evolve`; nothing else changes a state.
 */
import type { StateValue } from 'xstate'
import type { SwarmEvent } from '../events/envelope.ts'
import { NO_HASH } from '../events/envelope.ts'
import type { Position } from '../events/ids.ts'
import type { SessionFact } from '../events/session-events.ts'
import type { Command } from './commands.ts'
import type { SessionContext } from './context.ts'
import { ABORTED_BY_STOP, type Intent, type IntentType } from './intents.ts'
import { initialSnapshot, pureTransition, type MachineSnapshot, type PlannedAction } from './pure-transition.ts'
import { INTENT_TYPES, sessionMachine } from './session-machine.ts'

export type Phase = 'unstarted' | 'queued' | 'preflight' | 'executing' | 'stalled' | 'blocked' | 'cleanup' | 'closed'

/** A session as folded from its trail. */
export type SessionState = Readonly<{
  snapshot: MachineSnapshot
  /** Effects asked for and not answered yet: what a runner that takes over has to do. */
  pending: readonly Intent[]
  /** Position of the last event; 0 before the first. What the next append expects. */
  version: Position
  /** Hash of the last event. */
  head: string
  lastEventId: string
}>

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
  snapshot: initialSnapshot,
  pending: [],
  version: 0,
  head: NO_HASH,
  lastEventId: '',
}

export function decide(state: SessionState, command: Command): Decision {
  if (command.cause !== undefined && !state.pending.some((intent) => intent.id === command.cause)) {
    return refuse(state, command, `effect ${command.cause} is not pending`)
  }
  const [next, actions] = pureTransition(state.snapshot, command)
  if (next.value !== state.snapshot.value || next.context !== state.snapshot.context) {
    throw new Error(`command ${command.type} moved the machine`)
  }
  const emitted = actions.filter((action) => action.type === 'xstate.emit')
  if (emitted.length > 1) throw new Error(`command ${command.type} emitted ${emitted.length} events`)
  const [only] = emitted
  return only === undefined
    ? refuse(state, command, `${command.type} is not accepted in phase ${phaseOf(state)} (${stateName(state)})`)
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
  const [snapshot, actions] = pureTransition(state.snapshot, event)
  if (snapshot === state.snapshot || actions.some((action) => action.type === 'xstate.emit')) {
    throw new UnhandledEventError(stateName(state), event.type)
  }
  const active = activePaths(snapshot.value)
  // States that were passed over on the way asked for something too. They are not active any more, so neither is
  // that; and where one of them asked for the same kind of work as the state that was reached, the last one asked.
  const asked = new Map<string, PlannedAction>()
  for (const action of actions) {
    const owner = ownerOf(action.type, active)
    if (owner !== null) asked.set(owner, action)
  }
  const intents = [...asked].map(([owner, { type, params }], index) => {
    return { id: `${event.id}/${index}`, type: type as IntentType, params: params ?? {}, owner } as Intent
  })
  const kept = state.pending.filter((intent) => active.includes(intent.owner) && !asked.has(intent.owner))
  return {
    state: { snapshot, pending: [...kept, ...intents], version: position, head: event.hash, lastEventId: event.id },
    intents,
  }
}

export function contextOf(state: SessionState): SessionContext {
  return state.snapshot.context
}

export function phaseOf(state: SessionState): Phase {
  const { value } = state.snapshot
  return (typeof value === 'string' ? value : Object.keys(value)[0]) as Phase
}

/** The full path of the active state, e.g. `executing.running`. */
export function stateName(state: SessionState): string {
  return activePaths(state.snapshot.value).at(-1) ?? ''
}

/** Whether a pending effect has to be ended because the session was asked to stop. */
export function mustAbort(state: SessionState, intent: Intent): boolean {
  const { stop, outcome } = contextOf(state)
  return stop !== null && outcome === null && ABORTED_BY_STOP.has(intent.type)
}

/** JSON form of a state, for snapshots; `reviveState` is its inverse. */
export type StoredState = { value: unknown; context: SessionContext } & Omit<SessionState, 'snapshot'>

export function storeState({ snapshot, ...rest }: SessionState): StoredState {
  return { value: snapshot.value, context: snapshot.context, ...rest }
}

export function reviveState({ value, context, ...rest }: StoredState): SessionState {
  const snapshot = sessionMachine.resolveState({ value: value as MachineSnapshot['value'], context })
  return { snapshot, ...rest }
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

function activePaths(value: StateValue, prefix = ''): string[] {
  if (typeof value === 'string') return [prefix + value]
  return Object.entries(value).flatMap(([key, inner]) =>
    inner === undefined ? [] : [prefix + key, ...activePaths(inner, `${prefix}${key}.`)],
  )
}

/** For each intent, the paths of the states whose entry asks for it. */
const ASKED_BY: ReadonlyMap<string, ReadonlySet<string>> = (() => {
  const found = new Map<string, Set<string>>(INTENT_TYPES.map((type) => [type, new Set()]))
  const walk = (node: typeof sessionMachine.root) => {
    for (const action of node.entry) {
      const type = typeof action === 'string' ? action : typeof action === 'object' ? action.type : ''
      found.get(type)?.add(node.path.join('.'))
    }
    for (const child of Object.values(node.states)) walk(child)
  }
  walk(sessionMachine.root)
  return found
})()

function ownerOf(type: string, active: readonly string[]): string | null {
  const askers = ASKED_BY.get(type)
  return active.find((path) => askers?.has(path)) ?? null
}
