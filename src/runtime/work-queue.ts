/**
 * Which session a runner should take next: a pure fold of the log's lifecycle events, joined with who holds leases.
 * Oldest first, fair across lanes: the lane with the fewest sessions here goes first.
 */
import type { SwarmEvent } from '../events/envelope.ts'
import type { Position, SessionId } from '../events/ids.ts'

/** The nouns a runner has to follow to know what there is to do. */
export const WORK_NOUNS = ['start', 'session', 'stop', 'resume', 'approval'] as const

export type OpenSession = { sessionId: SessionId; lane: string; startedAt: Position }

export class WorkQueue {
  private readonly open = new Map<SessionId, OpenSession>()
  /** Sessions held by somebody's lease, ourselves included. */
  private readonly held = new Set<SessionId>()
  /** Sessions that this runner can't serve (their history is corrupt); left alone. */
  private readonly refused = new Set<SessionId>()

  take(event: SwarmEvent, position: Position): void {
    if (event.type === 'start.requested' && !this.open.has(event.subject)) {
      this.open.set(event.subject, {
        sessionId: event.subject,
        lane: event.data.labels.lane ?? '',
        startedAt: position,
      })
    }
    if (event.type === 'session.closed') this.forget(event.subject)
  }

  add(session: OpenSession): void {
    if (!this.open.has(session.sessionId)) this.open.set(session.sessionId, session)
  }

  hold(sessionId: SessionId): void {
    this.held.add(sessionId)
  }

  free(sessionId: SessionId): void {
    this.held.delete(sessionId)
  }

  refuse(sessionId: SessionId): void {
    this.refused.add(sessionId)
  }

  forget(sessionId: SessionId): void {
    this.open.delete(sessionId)
    this.held.delete(sessionId)
  }

  isOpen(sessionId: SessionId): boolean {
    return this.open.has(sessionId)
  }

  /** The next session to claim, given how many this runner has in each lane; null when there is none. */
  next(lanesHere: ReadonlyMap<string, number>): OpenSession | null {
    let best: OpenSession | null = null
    for (const session of this.open.values()) {
      const { sessionId } = session
      if (this.held.has(sessionId) || this.refused.has(sessionId)) continue
      if (best === null || comesBefore(session, best, lanesHere)) best = session
    }
    return best
  }
}

function comesBefore(a: OpenSession, b: OpenSession, lanesHere: ReadonlyMap<string, number>): boolean {
  const laneA = lanesHere.get(a.lane) ?? 0
  const laneB = lanesHere.get(b.lane) ?? 0
  return laneA === laneB ? a.startedAt < b.startedAt : laneA < laneB
}
