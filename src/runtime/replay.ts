import { toTimestamp } from '../events/timestamp.ts'
import type { Position, SessionId } from '../events/ids.ts'
import type { SessionContext } from '../machines/context.ts'
import { contextOf, INITIAL_STATE, phaseOf, stateName, type Phase, type SessionState } from '../machines/decider.ts'
import { sessionNotFound } from './errors.ts'
import type { ClientPorts } from './ports.ts'
import { takeIn } from './trail.ts'

export type ReplayOptions = { upTo?: Position | undefined }
export type PendingEffect = { id: string; type: string; params: unknown }
/** A session as it stood at some position. */
export type Replay = {
  session_id: SessionId
  /** Of the last event taken in. */
  position: Position
  time: string
  phase: Phase
  /** The full path of the machine's state. */
  state: string
  context: SessionContext
  pending: PendingEffect[]
}
/** One event of a trail and what the machine made of it. */
export type ReplayStep = {
  position: Position
  type: string
  from: string
  to: string
  effects: PendingEffect[]
  /** Why the message was parked; null: it was taken in. */
  parked: string | null
}

/** Folds a trail by the very function that serves live. */
export async function replayTrail(
  ports: ClientPorts,
  sessionId: SessionId,
  { upTo }: ReplayOptions,
): Promise<{ replay: Replay; steps: ReplayStep[] }> {
  let state: SessionState = INITIAL_STATE
  let time = toTimestamp(0)
  const steps: ReplayStep[] = []
  for (const item of await ports.log.read(sessionId)) {
    if (upTo !== undefined && item.position > upTo) break
    const step = takeIn(state, item)
    steps.push({
      position: item.position,
      type: item.kind === 'event' ? item.event.type : item.subject,
      from: stateName(state),
      to: stateName(step.state),
      effects: step.intents.map(effectOf),
      parked: step.parked === null ? null : `${step.parked.code}: ${step.parked.reason}`,
    })
    state = step.state
    if (item.kind === 'event') time = item.event.time
  }
  if (steps.length === 0) throw sessionNotFound(sessionId, upTo === undefined ? '' : ` at position ${upTo}`)
  const replay = {
    session_id: sessionId,
    position: state.version,
    time,
    phase: phaseOf(state),
    state: stateName(state),
    context: contextOf(state),
    pending: state.pending.map(effectOf),
  }
  return { replay, steps }
}

function effectOf({ id, type, params }: PendingEffect): PendingEffect {
  return { id, type, params }
}
