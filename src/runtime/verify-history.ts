/** Verifies many trails at once, as they stand interleaved in the log or in an export. */
import { NO_HASH } from '../events/envelope.ts'
import type { Sha256 } from '../events/hash-chain.ts'
import type { Position, SessionId } from '../events/ids.ts'
import { sessionNotFound } from './errors.ts'
import { lostEvents, type LostEvents } from './lost-events.ts'
import type { ClientPorts, LogEvent, LogParked } from './ports.ts'
import type { Parked } from './trail.ts'
import { TrailVerifier, type RecordedHead, type VerifiedTrail } from './verify.ts'

export type RecordedHeads = ReadonlyMap<SessionId, RecordedHead>
/** What was found in many trails. */
export type Verification = {
  ok: boolean
  /** By session, in the order of their first events. */
  sessions: VerifiedTrail[]
  /**
   * Messages that are no part of any history: how many, and the first of them. `session_id` is the whole subject of one
   * that stands where no session's events do.
   */
  parked: { count: number; first: (Parked & { session_id: SessionId })[] }
  /** What is not in the log any more, whosever it was; only the whole log shows it. */
  lost: LostEvents
}
export type HistoryOptions = {
  sha256: Sha256
  strict?: boolean | undefined
  /** What must still be there. */
  recorded?: RecordedHeads | undefined
}
/** Told now and then how far a long reading has come. */
export type OnProgress = (done: Position, of: Position) => void

const PROGRESS_EVENTS = 10_000
const PARKED_SHOWN_MAX = 100
/** Of the subject of an event. */
const TRAIL_TOKENS = 5

export class HistoryVerifier {
  private readonly options: HistoryOptions
  private readonly trails = new Map<SessionId, TrailVerifier>()

  constructor(options: HistoryOptions) {
    this.options = options
  }

  take(sessionId: SessionId, item: LogEvent | LogParked): void {
    let trail = this.trails.get(sessionId)
    if (trail === undefined) {
      const { sha256, strict, recorded } = this.options
      trail = new TrailVerifier(sessionId, { sha256, strict, recorded: recorded?.get(sessionId) })
      this.trails.set(sessionId, trail)
    }
    trail.take(item)
  }

  /** `lost`: what is known to be missing among all trails. */
  result(lost: LostEvents = { count: 0, first: [] }): Verification {
    const found = [...this.trails.values()].map((trail) => ({ ...trail.result(), parked: trail.parked }))
    // Where nothing but foreign messages was found, there is no session.
    const sessions = found.filter(({ events, bad }) => events > 0 || bad !== null).map(withoutParked)
    const all = [...sessions, ...this.missing(new Set(sessions.map(({ session_id }) => session_id)))]
    const first = found.flatMap(({ session_id, parked }) => parked.first.map((one) => ({ session_id, ...one })))
    return {
      ok: lost.count === 0 && all.every(({ ok }) => ok),
      sessions: all,
      lost,
      parked: {
        count: found.reduce((sum, { parked }) => sum + parked.count, 0),
        first: first.toSorted((a, b) => a.position - b.position).slice(0, PARKED_SHOWN_MAX),
      },
    }
  }

  private missing(present: ReadonlySet<SessionId>): VerifiedTrail[] {
    return [...(this.options.recorded ?? [])].flatMap(([session_id, { events }]) => {
      const reason = `summary: ${events} events were recorded, the whole session is missing`
      const bad = { position: 0, id: '', reason }
      return present.has(session_id) ? [] : [{ session_id, events: 0, head_hash: NO_HASH, ok: false, bad }]
    })
  }
}

/** Verifies the whole log, in one pass. Throws `log_unreachable`. */
export async function verifyLog(
  ports: Pick<ClientPorts, 'log' | 'sha256'>,
  options: { recorded?: RecordedHeads | undefined; onProgress?: OnProgress | undefined } = {},
): Promise<Verification> {
  const verifier = new HistoryVerifier({ sha256: ports.sha256, recorded: options.recorded })
  const head = await ports.log.head()
  const positions = lostEvents()
  let taken = 0
  for await (const item of ports.log.subscribe({ after: 0, once: true })) {
    if (item.kind === 'caught_up') {
      positions.head(item.position)
      break
    }
    positions.there(item.position)
    verifier.take(sessionOf(item), item)
    taken += 1
    if (taken % PROGRESS_EVENTS === 0) options.onProgress?.(item.position, head)
  }
  return verifier.result(positions.lost)
}

/** Verifies some sessions. Throws `session_not_found`, `log_unreachable`. */
export async function verifySessions(
  ports: Pick<ClientPorts, 'log' | 'sha256'>,
  sessionIds: readonly SessionId[],
  options: { recorded?: RecordedHeads | undefined } = {},
): Promise<Verification> {
  const wanted = new Set(sessionIds)
  const recorded = new Map([...(options.recorded ?? [])].filter(([sessionId]) => wanted.has(sessionId)))
  const verifier = new HistoryVerifier({ sha256: ports.sha256, recorded })
  for (const sessionId of wanted) {
    const items = await ports.log.read(sessionId)
    if (items.length === 0 && !recorded.has(sessionId)) throw sessionNotFound(sessionId)
    for (const item of items) verifier.take(sessionId, item)
  }
  return verifier.result()
}

/** The session on whose trail a message stands, or its subject where that is no session's: `swarm.NS.event.ID.NOUN` is. */
function sessionOf(item: LogEvent | LogParked): SessionId {
  if (item.kind === 'event') return item.event.subject
  const tokens = item.subject.split('.')
  return tokens.length === TRAIL_TOKENS ? (tokens.at(-2) ?? '') : item.subject
}

function withoutParked({ parked: _parked, ...trail }: VerifiedTrail & { parked: unknown }): VerifiedTrail {
  return trail
}
