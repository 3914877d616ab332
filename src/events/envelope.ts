/** The CloudEvents 1.0 envelope of every event, as stored. */
import { z } from 'zod'
import type { Position } from './ids.ts'
import { sessionIdSchema } from './parts.ts'
import { EVENT_TYPES, type EventData, type EventType } from './session-events.ts'

export const NO_HASH = '0'.repeat(64)
const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/)

export const envelopeSchema = z.object({
  specversion: z.literal('1.0'),
  id: z.string().min(1),
  type: z.string().min(1),
  source: z.string().min(1),
  subject: sessionIdSchema,
  time: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  datacontenttype: z.literal('application/json'),
  dataschema: z.string().min(1),
  data: z.unknown(),
  correlationid: z.string().min(1),
  causationid: z.string().min(1),
  traceparent: z.string().optional(),
  prevhash: sha256Hex,
  hash: sha256Hex,
})

/** The envelope with its data still of unknown shape. */
export type Envelope = z.output<typeof envelopeSchema>

/** A decoded event: the envelope with the data of its type. */
export type SwarmEvent = {
  [T in EventType]: Omit<Envelope, 'type' | 'data'> & { type: T; data: EventData<T> }
}[EventType]

/** A decoded event of one type. */
export type EventOf<T extends EventType> = Extract<SwarmEvent, { type: T }>

/** An event with its place in the log, which is not part of the stored object. */
export type RecordedEvent = SwarmEvent & { position: Position }

/** Each type as one object, which is found and compared at once; parsed JSON has a new one in every event. */
const TYPES = new Map<string, EventType>(EVENT_TYPES.map((type) => [type, type]))

/**
 * Copied field by field: V8 gives what it spreads from parsed JSON a hidden class of its own each time, and everything
 * that reads such events then takes two to five times as long.
 */
export function recordedAt(position: Position, event: SwarmEvent): RecordedEvent {
  const { specversion, id, source, subject, time, datacontenttype, dataschema, data } = event
  const { correlationid, causationid, traceparent, prevhash, hash } = event
  const recorded = {
    specversion,
    id,
    type: TYPES.get(event.type) ?? event.type,
    source,
    subject,
    time,
    datacontenttype,
    dataschema,
    data,
    correlationid,
    causationid,
    prevhash,
    hash,
    position,
  }
  return (traceparent === undefined ? recorded : { ...recorded, traceparent }) as RecordedEvent
}

export const EVENT_BYTES_MAX = 1_048_576
