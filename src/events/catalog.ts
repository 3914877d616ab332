/**
 * From a stored body to an event: parse, upcast, validate. Nothing is dropped silently: what can't be decoded
 * comes back as a value that says why, and every reader has to deal with it.
 */
import { envelopeSchema, type Envelope, type SwarmEvent } from './envelope.ts'
import { fitsOf, type Fits } from './fitting.ts'
import { EVENT_TYPES, eventSchemas, type EventType } from './session-events.ts'

/** The current version of each type's data; 1 unless listed. */
const VERSIONS: Partial<Record<EventType, number>> = {}

/** Turns data of version n of a type into version n + 1; stored bytes never change. Key: `<type>:<n>`. */
const UPCASTERS: Record<string, (data: unknown) => unknown> = {}

/** Why bytes are no event that this release can read; the envelope, as far as there is one. */
export type Undecodable = {
  ok: false
  code: 'event_schema' | 'unknown_event_type'
  reason: string
  envelope: Envelope | null
}
/**
 * An event, or why there is none. `stored` is the object as it was stored, which its hash is over; the event itself where
 * decoding changed nothing.
 */
export type Decoded = { ok: true; event: SwarmEvent; stored: Envelope } | Undecodable

const KNOWN: ReadonlySet<string> = new Set(EVENT_TYPES)

export function versionOf(type: EventType): number {
  return VERSIONS[type] ?? 1
}

export function dataschemaOf(type: EventType): string {
  return `urn:swarmtrail:${type}:${versionOf(type)}`
}

/** Decodes one stored body (JSON text of the whole event). Never throws. */
export function decodeEvent(body: string): Decoded {
  let raw: unknown
  try {
    raw = JSON.parse(body)
  } catch (error) {
    return refuse('event_schema', `not JSON: ${error instanceof Error ? error.message : String(error)}`, null)
  }
  return decodeObject(raw)
}

/** Decodes an event object, e.g. one line of an export without its position. Never throws. Don't change it afterwards. */
export function decodeObject(raw: unknown): Decoded {
  if (isCurrent(raw)) return { ok: true, event: raw, stored: raw }
  const parsed = envelopeSchema.safeParse(raw)
  if (!parsed.success) return refuse('event_schema', describe(parsed.error.issues), null)
  const envelope = parsed.data
  const version = versionIn(envelope)
  if (!KNOWN.has(envelope.type) || version === null) {
    return refuse(
      'unknown_event_type',
      `${envelope.type} (${envelope.dataschema}) is not known to this release`,
      envelope,
    )
  }
  const type = envelope.type as EventType
  if (version > versionOf(type)) {
    return refuse(
      'unknown_event_type',
      `${envelope.dataschema} is newer than this release, which knows ${dataschemaOf(type)}`,
      envelope,
    )
  }
  const data = eventSchemas[type].safeParse(upcast(type, version, envelope.data))
  if (!data.success) return refuse('event_schema', `${type}: ${describe(data.error.issues)}`, envelope)
  return { ok: true, event: { ...envelope, type, data: data.data } as SwarmEvent, stored: raw as Envelope }
}

const isEnvelope = fitsOf(envelopeSchema)
type Kind = { dataschema: string; fits: Fits }
const kinds = new Map<string, Kind>()

/** The usual event: of a current version and with nothing in it that the schemas would change, as our own writers leave them. */
function isCurrent(raw: unknown): raw is SwarmEvent {
  if (!isEnvelope(raw)) return false
  const { type, dataschema, data } = raw as Envelope
  const kind = kinds.get(type) ?? kindOf(type)
  return kind !== undefined && dataschema === kind.dataschema && kind.fits(data)
}

function kindOf(type: string): Kind | undefined {
  if (!KNOWN.has(type)) return undefined
  const known = type as EventType
  const kind = { dataschema: dataschemaOf(known), fits: fitsOf(eventSchemas[known]) }
  kinds.set(type, kind)
  return kind
}

function versionIn(envelope: Envelope): number | null {
  const match = /^urn:swarmtrail:([a-z_.]+):(\d+)$/.exec(envelope.dataschema)
  return match !== null && match[1] === envelope.type ? Number(match[2]) : null
}

function upcast(type: EventType, from: number, data: unknown): unknown {
  let current = data
  for (let version = from; version < versionOf(type); version++) {
    const step = UPCASTERS[`${type}:${version}`]
    if (step === undefined) return current
    current = step(current)
  }
  return current
}

function refuse(code: Undecodable['code'], reason: string, envelope: Envelope | null): Undecodable {
  return { ok: false, code, reason, envelope }
}

/** `data.turn_number: expected int` for each broken field, on one line. */
export function describe(issues: readonly Issue[]): string {
  return issues
    .map((issue) =>
      issue.path.length === 0 ? wordsOf(issue) : `${issue.path.map(String).join('.')}: ${wordsOf(issue)}`,
    )
    .join('; ')
}

type Issue = {
  path: readonly PropertyKey[]
  message: string
  code?: string
  origin?: string
  minimum?: number | bigint
  maximum?: number | bigint
  expected?: string
  keys?: readonly string[]
}

/** What is wrong with one field, in the words that the workflow's errors use too. */
export function wordsOf(issue: Issue): string {
  const { code, origin, message } = issue
  const isNumber = origin === 'number' || origin === 'int'
  if (code === 'too_small' && isNumber) return `expected integer >= ${issue.minimum}`
  if (code === 'too_big' && isNumber) return `expected integer <= ${issue.maximum}`
  if (code === 'unrecognized_keys') return `unknown: ${issue.keys?.join(', ')}`
  if (code === 'invalid_type') return `expected ${issue.expected === 'record' ? 'object' : issue.expected}`
  return message.replace(/^Invalid (input|option): /, '')
}
