/**
 * Proves that trails are what was written: every hash over the event as stored, every link, the order, the schema, and
 * that the machine takes each event by the very function that runs sessions, and that it says nothing else than the events
 * before it. Pure; keeps one small state per session.
 */
import type { Envelope } from '../events/envelope.ts'
import { checkLink, type Sha256 } from '../events/hash-chain.ts'
import type { Position, SessionId } from '../events/ids.ts'
import { disagreementOf } from '../machines/agreement.ts'
import { INITIAL_CONTEXT } from '../machines/context.ts'
import { contextOf, INITIAL_STATE, phaseOf, type SessionState, UnhandledEventError } from '../machines/decider.ts'
import { messageOf } from './errors.ts'
import type { LogEvent, LogParked } from './ports.ts'
import { isStray, takeIn, type Parked } from './trail.ts'

export type BadEvent = { position: Position; id: string; reason: string }
/** What was found in one trail. */
export type VerifiedTrail = {
  session_id: SessionId
  /** Sound events: all of them, or those before the first bad one. */
  events: number
  /** Hash of the last sound event; 64 zeros when there is none. */
  head_hash: string
  ok: boolean
  bad: BadEvent | null
}
/** What somebody kept elsewhere about a trail: its length and the hash of its last event at that time. */
export type RecordedHead = { events: number; head_hash: string }
/** Messages among a trail's that are no part of its history, which harms it in nothing. */
export type ParkedMessages = { count: number; first: Parked[] }

export type VerifyOptions = {
  sha256: Sha256
  /** Nothing foreign is allowed among the events, as in an export. */
  strict?: boolean | undefined
  recorded?: RecordedHead | undefined
}

/** How many parked messages of a trail are kept to be shown; all are counted. */
const PARKED_SHOWN_MAX = 20
/** Undecodable messages since the last sound event that may turn out to be links of the chain. */
const SUSPECTS_MAX = 16

type Item = LogEvent | LogParked
type Suspect = { bad: BadEvent; prevhash: unknown; hash: unknown }

/** Verifies one trail given in log order. */
export function verifyTrail(sessionId: SessionId, items: Iterable<Item>, options: VerifyOptions): VerifiedTrail {
  const verifier = new TrailVerifier(sessionId, options)
  for (const item of items) verifier.take(item)
  return verifier.result()
}

/** Takes a trail item by item. After the first bad event the rest proves nothing and is passed over. */
export class TrailVerifier {
  readonly parked: ParkedMessages = { count: 0, first: [] }
  private readonly sessionId: SessionId
  private readonly options: VerifyOptions
  private state: SessionState = INITIAL_STATE
  private events = 0
  private bad: BadEvent | null = null
  private last: BadEvent | null = null
  private suspects: Suspect[] = []
  private readonly ids = new Set<string>()

  constructor(sessionId: SessionId, options: VerifyOptions) {
    this.sessionId = sessionId
    this.options = options
  }

  take(item: Item): void {
    if (this.bad !== null) return
    const raw = storedIn(item)
    this.bad = this.missedLink(item) ?? badOf(item, raw, this.faultOf(item, raw))
  }

  result(): VerifiedTrail {
    const bad = this.bad ?? this.openSuspect() ?? this.shorterThanRecorded()
    return { session_id: this.sessionId, events: this.events, head_hash: this.state.head, ok: bad === null, bad }
  }

  /** Takes the next item, or says what is wrong with it. */
  private faultOf(item: Item, raw: Readonly<Record<string, unknown>>): string | null {
    const { version, head } = this.state
    if (item.kind === 'parked' && this.options.strict === true) return `${item.code}: ${item.reason}`
    if (item.position <= version) return `order: position ${item.position} does not come after ${version}`
    if (item.kind === 'parked') this.park(item, item, raw)
    else if (this.options.strict !== true && isStray(item.event, head)) this.park(item, strayOf(item), raw)
    else return linkFault(raw, head, this.options.sha256, item.body) ?? this.advance(item)
    return null
  }

  /** An undecodable message that this event names as its predecessor: it was a link of the chain, not foreign. */
  private missedLink(item: Item): BadEvent | null {
    if (item.kind === 'parked' || item.event.prevhash === this.state.head) return null
    return this.suspects.find(({ hash }) => hash === item.event.prevhash)?.bad ?? null
  }

  private park(item: Item, why: Parked, raw: Readonly<Record<string, unknown>>): void {
    this.note(why)
    const { prevhash, hash } = raw
    if (typeof hash === 'string' && this.suspects.length < SUSPECTS_MAX) {
      const bad = { position: item.position, id: idIn(raw), reason: `${why.code}: ${why.reason}` }
      this.suspects.push({ bad, prevhash, hash })
    }
    this.state = takeIn(this.state, item).state
  }

  private advance(item: LogEvent): string | null {
    const { event } = item
    if (event.subject !== this.sessionId) return `subject: ${event.subject} is another session`
    if (event.type === 'start.requested' && event.data.session_id !== event.subject) {
      return `subject: the request is for session ${event.data.session_id}`
    }
    if (this.ids.has(event.id)) return `id: an earlier event of the trail has the id ${event.id} too`
    try {
      const step = takeIn(this.state, item)
      if (step.parked !== null) this.note(step.parked)
      // Before the session's start it is no link of the chain either.
      if (step.state.head === this.state.head) {
        if (this.options.strict === true) return `machine: ${step.parked?.reason}`
        this.state = step.state
        return null
      }
      const disagreement = step.parked === null ? disagreementOf(contextOf(this.state), event) : null
      if (disagreement !== null) return `data: ${disagreement}`
      this.remember(event.id, step.state)
    } catch (error) {
      // The fold is pure: whatever it throws says that this event is not possible here.
      return `machine: ${reasonOf(error)}`
    }
    this.events += 1
    this.last = { position: item.position, id: event.id, reason: '' }
    this.suspects = []
    return this.differsFromRecorded()
  }

  /** What a closed session did no longer matters, but for what may still be approved. */
  private remember(id: string, state: SessionState): void {
    const isClosed = phaseOf(state) === 'closed'
    if (isClosed) this.ids.clear()
    else this.ids.add(id)
    this.state = isClosed ? slim(state) : state
  }

  private note({ position, code, reason }: Parked): void {
    this.parked.count += 1
    if (this.parked.first.length < PARKED_SHOWN_MAX) this.parked.first.push({ position, code, reason })
  }

  /** A message that claims to come next, and that nothing after it passed over: a newer release's event, or a changed one. */
  private openSuspect(): BadEvent | null {
    return this.suspects.find(({ prevhash }) => prevhash === this.state.head)?.bad ?? null
  }

  private differsFromRecorded(): string | null {
    const { recorded } = this.options
    if (recorded?.events !== this.events || recorded.head_hash === this.state.head) return null
    return `summary: event ${this.events} has hash ${this.state.head}, the summary has ${recorded.head_hash}`
  }

  private shorterThanRecorded(): BadEvent | null {
    const { recorded } = this.options
    if (recorded === undefined || recorded.events <= this.events) return null
    const reason = `summary: ${recorded.events} events were recorded, ${this.events} are there`
    return { ...(this.last ?? { position: 0, id: '' }), reason }
  }
}

/** A closed session is remembered by its held posts alone: nothing else decides what may still come. */
function slim(state: SessionState): SessionState {
  const { heldPosts } = contextOf(state)
  return { ...state, context: heldPosts.length === 0 ? INITIAL_CONTEXT : { ...INITIAL_CONTEXT, heldPosts } }
}

function strayOf({ event, position }: LogEvent): Parked {
  return { position, code: 'chain', reason: `${event.type} does not follow the event before it` }
}

function badOf(item: Item, raw: Readonly<Record<string, unknown>>, reason: string | null): BadEvent | null {
  return reason === null ? null : { position: item.position, id: idIn(raw), reason }
}

function linkFault(raw: Readonly<Record<string, unknown>>, head: string, sha256: Sha256, body: string): string | null {
  try {
    const fault = checkLink(raw as Envelope, head, sha256, body)
    return fault === null ? null : `chain: ${fault}`
  } catch (error) {
    // Text that is no valid Unicode has no canonical form.
    return `chain: the event has no hash: ${messageOf(error)}`
  }
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  return messageOf(cause instanceof UnhandledEventError ? cause : error)
}

function storedIn(item: Item): Readonly<Record<string, unknown>> {
  return item.kind === 'event' && item.stored !== undefined ? item.stored : objectOf(item.body)
}

/** The stored object; an empty one for a body that is no JSON object. */
function objectOf(body: string): Record<string, unknown> {
  const decoded = jsonOf(body)
  return typeof decoded === 'object' && decoded !== null ? (decoded as Record<string, unknown>) : {}
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

function idIn(raw: Readonly<Record<string, unknown>>): string {
  return typeof raw['id'] === 'string' ? raw['id'] : ''
}
