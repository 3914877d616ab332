/**
 * Trails as JSON Lines: one event a line, as stored, with its `position` added; after the events, when asked for, the
 * artifacts they name, each as `{"artifact": {"sha256", "bytes", "base64"}}`, with `"gone": true` instead of a content
 * that was not there, or not what its digest says. What is to be kept has a first line that says what it is, and a last
 * one that counts, so that it shows when some of it is cut off.
 */
import { z } from 'zod'
import { decodeObject } from '../../events/catalog.ts'
import type { SwarmEvent } from '../../events/envelope.ts'
import type { Position, SessionId } from '../../events/ids.ts'
import { artifactRefSchema } from '../../events/parts.ts'
import { messageOf, SwarmError } from '../errors.ts'
import type { LogEvent, LogParked } from '../ports.ts'

/** A line's number counts from 1. */
export type FileLine = { line: number; text: string }

const contentSchema = z.strictObject({
  ...artifactRefSchema.shape,
  base64: z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/),
})
/** It was not in the store any more, or was something else there. */
const goneSchema = z.strictObject({ ...artifactRefSchema.shape, gone: z.literal(true) })
const artifactSchema = z.strictObject({ artifact: z.union([contentSchema, goneSchema]) })
export type FileContent = z.output<typeof contentSchema>
export type FileArtifact = z.output<typeof artifactSchema>['artifact']

/** The first line: a last one has to come, and all artifacts that the events name are in the file, or none is. */
const headerSchema = z.strictObject({
  export: z.strictObject({ format: z.literal('swarmtrail-export@1'), artifacts: z.boolean() }),
})
/** The last line. */
const endSchema = z.strictObject({
  end: z.strictObject({ events: z.int().min(0), artifacts: z.int().min(0) }),
})
export type FileCounts = z.output<typeof endSchema>['end']

export type FileEntry =
  | { kind: 'event'; line: number; sessionId: SessionId; item: LogEvent | LogParked; stored: SwarmEvent }
  | { kind: 'artifact'; line: number; artifact: FileArtifact }
  | { kind: 'header'; line: number; artifacts: boolean }
  | { kind: 'end'; line: number; counts: FileCounts }

const positionSchema = z.int().min(1)

export function eventLine({ body, position }: Pick<LogEvent, 'body' | 'position'>): string {
  return JSON.stringify({ ...(JSON.parse(body) as object), position })
}

export function artifactLine(artifact: FileArtifact): string {
  return JSON.stringify({ artifact })
}

export function headerLine(artifacts: boolean): string {
  return JSON.stringify({ export: { format: 'swarmtrail-export@1', artifacts } })
}

export function endLine(end: FileCounts): string {
  return JSON.stringify({ end })
}

/**
 * One line of an export. A line that names a session but is no sound event comes as a parked item; one that can't be
 * told to belong to any session throws `history_corrupt`, naming the line.
 */
export function readLine({ line, text }: FileLine): FileEntry {
  const raw = parse(line, text)
  if (Object.hasOwn(raw, 'artifact')) return artifactOf(line, raw)
  const { position, ...stored } = raw
  if (typeof stored['subject'] !== 'string') {
    if (Object.hasOwn(raw, 'export')) return headerOf(line, raw)
    if (Object.hasOwn(raw, 'end')) return endOf(line, raw)
    const id = typeof stored['id'] === 'string' ? ` (id ${stored['id']})` : ''
    throw corrupt(line, `an event without a subject${id}`)
  }
  // Sound only when `item` is an event; who appends it has to look.
  return {
    kind: 'event',
    line,
    sessionId: stored['subject'],
    item: itemOf(position, stored),
    stored: stored as SwarmEvent,
  }
}

export function corrupt(line: number, reason: string): SwarmError {
  return new SwarmError('history_corrupt', `line ${line}: ${reason}`, { details: { line } })
}

function itemOf(position: unknown, stored: Record<string, unknown>): LogEvent | LogParked {
  const body = JSON.stringify(stored)
  const parked = (place: Position, code: string, reason: string): LogParked => {
    return { kind: 'parked', position: place, subject: '', code, reason, body }
  }
  const checked = positionSchema.safeParse(position)
  if (!checked.success) return parked(0, 'event_schema', 'position: expected an integer of at least 1')
  const decoded = decodeObject(stored)
  if (!decoded.ok) return parked(checked.data, decoded.code, decoded.reason)
  return { kind: 'event', event: decoded.event, position: checked.data, body, stored: decoded.stored }
}

function parse(line: number, text: string): Record<string, unknown> {
  let raw: unknown
  try {
    raw = JSON.parse(text)
  } catch (error) {
    throw corrupt(line, `not JSON, or cut off: ${messageOf(error)}`)
  }
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) throw corrupt(line, 'not a JSON object')
  return raw as Record<string, unknown>
}

function artifactOf(line: number, raw: Record<string, unknown>): FileEntry {
  const parsed = artifactSchema.safeParse(raw)
  if (!parsed.success) throw corrupt(line, 'an artifact needs sha256, bytes, and base64 or gone, and nothing else')
  return { kind: 'artifact', line, artifact: parsed.data.artifact }
}

function headerOf(line: number, raw: Record<string, unknown>): FileEntry {
  const parsed = headerSchema.safeParse(raw)
  if (!parsed.success) throw corrupt(line, 'the beginning of an export that this release can not read')
  return { kind: 'header', line, artifacts: parsed.data.export.artifacts }
}

function endOf(line: number, raw: Record<string, unknown>): FileEntry {
  const parsed = endSchema.safeParse(raw)
  if (!parsed.success) throw corrupt(line, 'the end of an export needs the counts of events and artifacts')
  return { kind: 'end', line, counts: parsed.data.end }
}
