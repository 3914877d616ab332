/** Trails whose events happen at given moments, sound from the first hash to the last. */
import { memoryArtifactStore } from '../../src/adapters/memory/artifact-store.ts'
import { memoryEventLog } from '../../src/adapters/memory/event-log.ts'
import { NO_HASH, type RecordedEvent, type SwarmEvent } from '../../src/events/envelope.ts'
import { sealEvent } from '../../src/events/hash-chain.ts'
import type { Output } from '../../src/events/parts.ts'
import type { EventData, EventType, SessionFact } from '../../src/events/session-events.ts'
import { toTimestamp } from '../../src/events/timestamp.ts'
import { auditPage } from '../../src/adapters/html/audit-page.ts'
import { readAudit, readTexts, type Audit } from '../../src/runtime/audit.ts'
import { sha256 } from './events.ts'
import { artifact, T0_MS } from './facts.ts'

/** Milliseconds after the first event, and what happened. */
export type Timed = [atMs: number, fact: SessionFact]

export const at = (ms: number) => toTimestamp(T0_MS + ms)

/** A fact with some of its data changed. */
export function but<T extends EventType>(fact: SessionFact, change: Partial<EventData<T>>): SessionFact {
  return { type: fact.type, data: { ...fact.data, ...change } } as SessionFact
}

/** Positions count from one. */
export function timedTrail(timed: readonly Timed[], sessionId = 'S1'): RecordedEvent[] {
  let prevHash = NO_HASH
  return timed.map(([atMs, fact], index) => {
    const own = fact.type === 'start.requested' ? { ...fact, data: { ...fact.data, session_id: sessionId } } : fact
    const id = `${sessionId}-${index + 1}`
    const event = sealEvent(
      own,
      { id, source: 'client/ann', sessionId, time: at(atMs), correlationId: sessionId, causationId: id, prevHash },
      sha256,
    )
    prevHash = event.hash
    return { ...event, position: index + 1 }
  })
}

/** Ports with these trails in their log. */
export async function portsWith(...trails: (readonly (SwarmEvent & { position?: number })[])[]) {
  const log = memoryEventLog(sha256)
  for (const trail of trails) {
    let version = 0
    for (const { position: _position, ...event } of trail) version = await log.append(event, version)
  }
  return { log, artifacts: memoryArtifactStore(), sha256 }
}

export type Page = { audit: Audit; page: string }

/** The page that an auditor gets. What lies in no artifact store is noted there. */
export async function pageOf(events: readonly RecordedEvent[]): Promise<Page> {
  const ports = await portsWith(events)
  const audit = await readAudit(ports, events[0]?.subject ?? '')
  const texts = await readTexts(
    ports,
    audit.record.map(({ event }) => event),
  )
  return { audit, page: auditPage(audit, texts, at(0)) }
}

export function printed(tail: string): Output {
  return { tail, bytes: tail.length, clipped: false, artifact }
}
