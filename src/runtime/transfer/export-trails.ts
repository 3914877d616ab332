/** Trails as lines of an export (see trail-file.ts), in log order. */
import { NO_HASH } from '../../events/envelope.ts'
import type { SessionId } from '../../events/ids.ts'
import { isCoordinators } from '../../events/session-events.ts'
import type { ArtifactRef } from '../../events/parts.ts'
import { sessionNotFound } from '../errors.ts'
import { artifactsOf } from './export-artifacts.ts'
import type { ClientPorts, LogEvent, LogParked } from '../ports.ts'
import { contentOrLoss } from '../lost-artifacts.ts'
import { isStray } from '../trail.ts'
import { artifactLine, endLine, eventLine, headerLine } from './trail-file.ts'
import type { ArtifactCodec } from '../verify-file.ts'

export type ExportOptions = {
  /** Only these; default: all. */
  sessionIds?: readonly SessionId[] | undefined
  /** Append the artifacts that the events name; such an export is framed. */
  artifacts?: ArtifactCodec | undefined
  /** Begin and end with lines that show, when it is read, whether all of it is there. */
  framed?: boolean | undefined
  /** Told of messages that are no part of a history and so are left out. */
  onParked?: ((parked: LogParked) => void) | undefined
  /** Told of artifacts that events name and the store does not hold, or holds corrupt, and of why. */
  onGone?: ((ref: ArtifactRef, why: string) => void) | undefined
}

/**
 * What the log holds when the first line is taken. Throws `session_not_found` and `log_unreachable`.
 */
export async function* exportTrails(
  ports: Pick<ClientPorts, 'log' | 'artifacts'>,
  options: ExportOptions = {},
): AsyncGenerator<string> {
  const { artifacts, sessionIds, framed = artifacts !== undefined } = options
  const named = new Map<string, ArtifactRef>()
  const heads = new Map<SessionId, string>()
  let events = 0
  if (framed) yield headerLine(artifacts !== undefined)
  for await (const item of sessionIds === undefined ? everything(ports) : trails(ports, sessionIds)) {
    const stray = item.kind === 'parked' ? item : strayAmong(heads, item)
    if (item.kind === 'parked' || stray !== null) {
      if (stray !== null) options.onParked?.(stray)
      continue
    }
    yield eventLine(item)
    events += 1
    if (artifacts === undefined) continue
    for (const ref of artifactsOf(item.event)) named.set(ref.sha256, ref)
  }
  if (artifacts !== undefined) {
    for (const ref of named.values()) {
      const found = await contentOrLoss(ports, ref)
      if ('loss' in found) options.onGone?.(ref, found.loss)
      yield artifactLine('loss' in found ? { ...ref, gone: true } : { ...ref, base64: artifacts.encode(found.content) })
    }
  }
  if (framed) yield endLine({ events, artifacts: named.size })
}

/** A trail's exported part is one chain from its start; what does not belong to it is told of. */
function strayAmong(heads: Map<SessionId, string>, { event, position, body }: LogEvent): LogParked | null {
  const head = heads.get(event.subject)
  const isBeforeStart = head === undefined && event.type !== 'start.requested' && isCoordinators(event.type)
  if (isBeforeStart || isStray(event, head ?? NO_HASH)) {
    const reason = `${event.type} is no part of the trail's chain`
    return { kind: 'parked', position, subject: event.subject, code: 'event_schema', reason, body }
  }
  heads.set(event.subject, event.hash)
  return null
}

async function* everything({ log }: Pick<ClientPorts, 'log'>): AsyncGenerator<LogEvent | LogParked> {
  for await (const item of log.subscribe({ after: 0, once: true })) if (item.kind !== 'caught_up') yield item
}

async function* trails(
  { log }: Pick<ClientPorts, 'log'>,
  sessionIds: readonly SessionId[],
): AsyncGenerator<LogEvent | LogParked> {
  const items: (LogEvent | LogParked)[] = []
  for (const sessionId of new Set(sessionIds)) {
    const trail = await log.read(sessionId)
    if (trail.length === 0) throw sessionNotFound(sessionId)
    items.push(...trail)
  }
  yield* items.toSorted((a, b) => a.position - b.position)
}
