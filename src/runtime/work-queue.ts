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
  /** The open ones that nothing keeps from being claimed. */
  private readonly claimable = new Map<SessionId, OpenSession>()
  /** Sessions held by somebody's lease, ourselves included. */
  private readonly held = new Set<SessionId>()
  /** Sessions that this runner can't serve (their history is corrupt); left alone. */
  private readonly refused = new Set<SessionId>()

  take(event: SwarmEvent, position: Position): void {
    const { type, subject: sessionId } = event
    if (type === 'start.requested') this.add({ sessionId, lane: event.data.labels.lane ?? '', startedAt: position })
    if (type === 'session.closed') this.forget(sessionId)
  }

  add(session: OpenSession): void {
    if (this.open.has(session.sessionId)) return
    this.open.set(session.sessionId, session)
    this.sort(session.sessionId)
  }

  hold(sessionId: SessionId): void {
    this.held.add(sessionId)
    this.sort(sessionId)
  }

  free(sessionId: SessionId): void {
    this.held.delete(sessionId)
    this.sort(sessionId)
  }

  refuse(sessionId: SessionId): void {
    this.refused.add(sessionId)
    this.sort(sessionId)
  }

  forget(sessionId: SessionId): void {
    this.open.delete(sessionId)
    this.held.delete(sessionId)
    this.sort(sessionId)
  }

  private sort(sessionId: SessionId): void {
    const session = this.open.get(sessionId)
    const isFree = !this.held.has(sessionId) && !this.refused.has(sessionId)
    if (session !== undefined && isFree) this.claimable.set(sessionId, session)
    else this.claimable.delete(sessionId)
  }

  isOpen(sessionId: SessionId): boolean {
    return this.open.has(sessionId)
  }

  /** The next session to claim, given how many this runner has in each lane; null when there is none. */
  next(lanesHere: ReadonlyMap<string, number>): OpenSession | null {
    let best: OpenSession | null = null
    for (const session of this.claimable.values()) {
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
