import type { RecordedEvent } from '../events/envelope.ts'
import type { Position, SessionId } from '../events/ids.ts'
import { EVENT_TYPES, nounOf } from '../events/session-events.ts'
import { sessionNotFound } from './errors.ts'
import type { ClientPorts, LogParked } from './ports.ts'
import { recorded } from './log-item.ts'

/** Which events, from where, and until when. */
export type EventsOptions = {
  after: Position
  sessionId?: SessionId | undefined
  /** Type patterns: `session.completed`, `session.*`, `*`. Default: all. */
  types?: readonly string[] | undefined
  signal?: AbortSignal | undefined
  /** `closed`: end after `session.closed` of the session, at once where that lies before. `now`: end when caught up. Default: follow for ever. */
  until?: 'closed' | 'now' | undefined
  /** Told of messages that are no events of ours; they are never dropped silently. Default: the logger. */
  onParked?: ((parked: LogParked) => void) | undefined
}

/** The one way events are read: catch-up and live alike, filtered by noun at the server and by type here. */
export async function* followEvents(
  ports: ClientPorts,
  options: EventsOptions,
): AsyncGenerator<RecordedEvent, void, undefined> {
  const { after, sessionId, signal, until } = options
  const matches = matcherOf(options.types)
  const nouns = nounsOf(matches, until === 'closed')
  /** Whether it is still to be seen that an end will come. */
  let unsure = until === 'closed' && sessionId !== undefined
  for await (const item of ports.log.subscribe({
    after,
    filter: { sessionId, nouns },
    once: until === 'now',
    signal,
  })) {
    if (item.kind === 'parked') report(ports, options, item)
    if (item.kind === 'caught_up' && unsure) {
      unsure = false
      if (await hasClosed(ports, sessionId ?? '', after)) return
    }
    const event = recorded(item)
    if (event === null) continue
    // From its beginning on, nothing of the session can lie before.
    if (event.type === 'start.requested') unsure = false
    if (matches(event.type)) yield event
    if (until === 'closed' && event.type === 'session.closed') return
  }
}

/** Whether the session's last event lies where nobody looks for it any more. Throws `session_not_found`. */
async function hasClosed(ports: ClientPorts, sessionId: SessionId, after: Position): Promise<boolean> {
  const trail = await ports.log.read(sessionId)
  // What can't be read may be the request of a newer version; what else comes before one is no session's.
  if (!trail.some((item) => item.kind === 'parked' || item.event.type === 'start.requested'))
    throw sessionNotFound(sessionId)
  return trail.some((item) => item.position <= after && recorded(item)?.type === 'session.closed')
}

/** Whether a type matches any of the patterns; `*` stands for any run of characters. */
export function matcherOf(patterns: readonly string[] | undefined): (type: string) => boolean {
  if (patterns === undefined || patterns.length === 0) return () => true
  const expressions = patterns.map((pattern) => new RegExp(`^${pattern.split('*').map(escapeRegExp).join('.*')}$`))
  return (type) => expressions.some((expression) => expression.test(type))
}

/** The nouns the server has to deliver; undefined when that is all of them. */
function nounsOf(matches: (type: string) => boolean, withSession: boolean): string[] | undefined {
  const all = new Set(EVENT_TYPES.map(nounOf))
  const wanted = new Set(EVENT_TYPES.filter(matches).map(nounOf))
  if (withSession) wanted.add('session')
  return wanted.size === 0 || wanted.size === all.size ? undefined : [...wanted]
}

function report(ports: ClientPorts, options: EventsOptions, item: LogParked): void {
  if (options.onParked !== undefined) options.onParked(item)
  else
    ports.logger.warn('a message on an event subject is no event of ours', {
      position: item.position,
      code: item.code,
      reason: item.reason,
    })
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
