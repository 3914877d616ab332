/** The status of a session and of a turn after an event, shared by all views. */
import type { EventOf, SwarmEvent } from '../events/envelope.ts'
import { OUTCOMES, type Outcome } from '../events/terms.ts'

export const SESSION_STATUSES = ['starting', 'running', ...OUTCOMES] as const
export type SessionStatus = (typeof SESSION_STATUSES)[number]

/** `starting` until the first turn, then `running`; the outcome as soon as it is recorded. */
export function sessionStatusAfter(status: SessionStatus, event: SwarmEvent): SessionStatus {
  if (event.type === 'turn.started' || event.type === 'session.resumed') return 'running'
  return outcomeOf(event) ?? status
}

export function outcomeOf(event: SwarmEvent): Outcome | null {
  switch (event.type) {
    case 'session.completed':
      return 'completed'
    case 'session.failed':
      return 'failed'
    case 'session.blocked':
      return 'blocked'
    case 'session.stopped':
      return 'stopped'
    default:
      return null
  }
}

export const TURN_STATUSES = [
  'running',
  'exited',
  'completed',
  'failed',
  'stalled',
  'timed_out',
  'interrupted',
  'stopped',
] as const
export type TurnStatus = (typeof TURN_STATUSES)[number]

export function isOpen(status: TurnStatus): boolean {
  return status === 'running' || status === 'exited'
}

/** The current turn's status after an event. An outcome ends a turn that is still open. */
export function turnStatusAfter(status: TurnStatus | null, event: SwarmEvent): TurnStatus | null {
  switch (event.type) {
    case 'turn.started':
      return 'running'
    case 'turn.exited':
      return 'exited'
    case 'turn.completed':
      return event.data.status === 'failed' ? 'failed' : 'completed'
    case 'turn.stalled':
      return 'stalled'
    case 'turn.timed_out':
      return 'timed_out'
    case 'turn.interrupted':
      return 'interrupted'
    case 'turn.stopped':
      return 'stopped'
    default:
      return status !== null && isOpen(status) ? endedBy(status, outcomeOf(event)) : status
  }
}

function endedBy(status: TurnStatus, outcome: Outcome | null): TurnStatus {
  if (outcome === null) return status
  return outcome === 'stopped' ? 'stopped' : 'failed'
}

/** A turn that was ended before it answered. */
export type TurnCut = EventOf<'turn.stalled' | 'turn.timed_out' | 'turn.interrupted' | 'turn.stopped'>

export function cutReason({ type, data }: TurnCut): string {
  if (type === 'turn.stalled') return `silent for longer than ${data.stall_window_ms} ms`
  return type === 'turn.timed_out' ? `not done within ${data.turn_timeout_ms} ms` : data.reason
}

/** A turn that used up its budget ends the session: its failure is escalated like one that the executor reported. */
export function cutOutcome({ type }: TurnCut): 'escalation_blocker' | null {
  return type === 'turn.timed_out' ? 'escalation_blocker' : null
}
