/**
 * The hash chain of a trail: each event names the hash of its predecessor, so no event can be changed, dropped,
 * inserted or moved without the chain showing it.
 */
import { canonicalWithout } from './canonical-json.ts'
import { dataschemaOf } from './catalog.ts'
import { NO_HASH, type Envelope, type SwarmEvent } from './envelope.ts'
import { recordable } from './recordable.ts'
import type { SessionFact } from './session-events.ts'

/** Lower-case hex SHA-256 of a text's UTF-8 bytes. Comes from outside: the core does no cryptography itself. */
export type Sha256 = (text: string) => string

export type Seal = {
  id: string
  source: string
  sessionId: string
  time: string
  correlationId: string
  causationId: string
  traceparent?: string | undefined
  prevHash: string
}

/**
 * Puts a fact into its envelope and closes it with the hash. Pure. What has no canonical form is recorded as `recordable`
 * has it. Throws for what has none even then, as what is nested too deep.
 */
export function sealEvent(fact: SessionFact, seal: Seal, sha256: Sha256): SwarmEvent {
  try {
    return sealed(fact, seal, sha256)
  } catch {
    return sealed({ ...fact, data: recordable(fact.data) } as SessionFact, seal, sha256)
  }
}

function sealed(fact: SessionFact, seal: Seal, sha256: Sha256): SwarmEvent {
  const open = {
    specversion: '1.0' as const,
    id: seal.id,
    type: fact.type,
    source: seal.source,
    subject: seal.sessionId,
    time: seal.time,
    datacontenttype: 'application/json' as const,
    dataschema: dataschemaOf(fact.type),
    data: fact.data,
    correlationid: seal.correlationId,
    causationid: seal.causationId,
    ...(seal.traceparent === undefined ? {} : { traceparent: seal.traceparent }),
    prevhash: seal.prevHash,
  }
  return { ...open, hash: hashOf(open, sha256) } as SwarmEvent
}

/**
 * The hash an event should have: SHA-256 over the RFC 8785 form of the event without `hash`. With the text that it was
 * parsed from it takes less time.
 */
export function hashOf(event: Omit<Envelope, 'hash'> & { hash?: string }, sha256: Sha256, source?: string): string {
  return sha256(canonicalWithout(event, 'hash', source))
}

/**
 * Checks one link. Give the event as stored (not upcast), without reader's fields such as `position`.
 * Returns null when it is sound, else what is wrong.
 */
export function checkLink(
  event: Envelope,
  previousHash: string | null,
  sha256: Sha256,
  source?: string,
): string | null {
  const expected = previousHash ?? NO_HASH
  if (event.prevhash !== expected) return `prevhash is ${event.prevhash}, expected ${expected}`
  const hash = hashOf(event, sha256, source)
  return hash === event.hash ? null : `hash is ${event.hash}, its content hashes to ${hash}`
}
