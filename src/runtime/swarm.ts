/**
 * The client: start, steer, follow and join sessions. Everything here works on the log alone, with or without a runner
 * in this process. Refusals are values `{ok: false, code, message}`; infrastructure faults are thrown (errors.ts).
 * What decides and folds is loaded by the methods that need it: loading it takes longer than looking something up.
 */
import type { RecordedEvent } from '../events/envelope.ts'
import { SESSION_ID_PATTERN, sessionOfPost, type Position, type SessionId } from '../events/ids.ts'
import type { StartInput } from '../events/start-input.ts'
import { toEpochMs } from '../events/timestamp.ts'
import type { CoordinatorCommand } from '../machines/commands.ts'
import type { DocumentOf } from '../projections/catalog.ts'
import {
  isViewName,
  RECENT_SESSIONS_KEY,
  RECENT_SESSIONS_MAX,
  VIEW_NAMES,
  type ViewName,
} from '../projections/names.ts'
import { SESSION_STATUSES } from '../projections/status.ts'
import type { RecallEntry } from './effects/recall.ts'
import { SwarmError } from './errors.ts'
import type { EventsOptions } from './follow-events.ts'
import type { ClientPorts } from './ports.ts'
import type { Replay, ReplayStep } from './replay.ts'
import type { CommandResult, StartRequest, StartResult } from './requests.ts'
import { listView, readAcross, readView, readViews, viewAt, type ViewDocument } from './views.ts'
import type { WaitResult } from './wait.ts'

/** How a session stands: the document of the view `registry`. */
export type RegistryRecord = DocumentOf<'registry'>

/** Which records, of all that there are or were. */
export type ListOptions = {
  status?: RegistryRecord['status'] | undefined
  labels?: Readonly<Record<string, string>> | undefined
  at?: Position | undefined
  /** At most so many, the newest; cheap however long the log is, when nothing else is asked for. */
  limit?: number | undefined
}
/** A position, `start`, `now`, or a time: RFC 3339, or the beginning of one such as `2026-01-31`. What comes after it counts. */
export type Place = Position | string
/** Seconds, the time of day and the zone may be missing; `Date.parse` alone would take `foo 7` for a day in 2001. */
const TIME_PATTERN = /^\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:[Zz]|[+-]\d\d:\d\d)?)?$/

/**
 * The client of one namespace. All methods may throw `log_unreachable`, those that write also `append_outcome_unknown`:
 * then it can't be known whether it was written.
 */
export type Swarm = ReturnType<typeof createSwarm>

export function createSwarm(ports: ClientPorts, options: { source: string; traceparent?: string | undefined }) {
  const author = { ids: ports.ids, sha256: ports.sha256, source: options.source, traceparent: options.traceparent }

  const command = async (sessionId: SessionId, body: CoordinatorCommand): Promise<CommandResult> =>
    (await import('./requests.ts')).requestCommand(ports, author, sessionId, body)

  /** Decides on a post, whose name begins with its session. */
  const decide = async (postId: string, body: CoordinatorCommand): Promise<CommandResult> => {
    const sessionId = sessionOfPost(postId)
    if (SESSION_ID_PATTERN.test(sessionId)) return command(sessionId, body)
    const message = `post ${JSON.stringify(postId)}: expected SESSION.EVENT, as the event post.held names it`
    return { ok: false, code: 'invalid_argument', message }
  }

  return {
    ports,

    /**
     * Asks for a session; returns once the request is durable. A runner picks it up from the log, now or later.
     * Refused with `session_exists` when the id is taken, `invalid_argument` naming each wrong key, or when the request
     * is larger than an event may be.
     */
    start: async (request: StartRequest): Promise<StartResult> =>
      (await import('./requests.ts')).requestStart(ports, author, request),

    /** Asks a session to stop; its processes are ended and it is cleaned up. */
    stop: (sessionId: SessionId, { by = options.source, reason }: { by?: string; reason?: string | undefined } = {}) =>
      command(sessionId, { type: 'STOP', by, reason }),

    /** Lets a blocked and held session go on; the guidance reaches its next turn. */
    resume: (sessionId: SessionId, { by = options.source, guidance = '' }: { by?: string; guidance?: string } = {}) =>
      command(sessionId, { type: 'RESUME', by, guidance }),

    /** Publishes a held post. */
    approve: (postId: string, { by = options.source, reason }: { by?: string; reason?: string | undefined } = {}) =>
      decide(postId, { type: 'APPROVE', post_id: postId, by, reason }),

    /** Keeps a held post from ever being published. */
    deny: (postId: string, { by = options.source, reason }: { by?: string; reason?: string | undefined } = {}) =>
      decide(postId, { type: 'DENY', post_id: postId, by, reason }),

    /**
     * Resolves when the session's outcome is in the log, or after `timeoutMs`. `ok` is true for `completed` only.
     * An unknown session is `error.code === 'session_not_found'`.
     */
    wait: async (
      sessionId: SessionId,
      given: { timeoutMs?: number | undefined; signal?: AbortSignal | undefined } = {},
    ): Promise<WaitResult> => (await import('./wait.ts')).waitForOutcome(ports, sessionId, given),

    /**
     * Events from any place on, then live on the same path: in order, none missed, none twice. Pulled by the consumer.
     * Ends when the signal aborts, with `until: 'closed'` after the session's last event, with `until: 'now'` when caught up.
     * Throws `session_not_found` with `until: 'closed'` for a session that nobody has asked for yet, as it may never end.
     */
    async *events(
      given: Omit<EventsOptions, 'after'> & { from?: Place } = {},
    ): AsyncGenerator<RecordedEvent, void, undefined> {
      const after = await this.positionOf(given.from ?? 'now')
      const { followEvents } = await import('./follow-events.ts')
      yield* followEvents(ports, { ...given, after })
    },

    /** The session's registry record as of now, at least up to `atLeast`; null when there is no such session. */
    async get(sessionId: SessionId, { atLeast }: { atLeast?: Position } = {}): Promise<RegistryRecord | null> {
      if (atLeast !== undefined) await untilLogReaches(ports, atLeast)
      return (await readView(ports, 'registry', sessionId))?.document ?? null
    },

    /** Registry records, newest first. Throws `invalid_argument` for a status that there is not. */
    async list({ status, labels = {}, at, limit }: ListOptions = {}): Promise<RegistryRecord[]> {
      if (status !== undefined && !SESSION_STATUSES.includes(status))
        throw new SwarmError('invalid_argument', `status ${status}: expected one of ${SESSION_STATUSES.join(', ')}`)
      const filtered = status !== undefined || Object.keys(labels).length > 0 || at !== undefined
      if (limit !== undefined && limit <= RECENT_SESSIONS_MAX && !filtered) return newest(ports, limit)
      const all = at === undefined ? await listView(ports, 'registry') : await viewAt(ports, 'registry', at)
      return all
        .map(({ document }) => document)
        .filter((record) => status === undefined || record.status === status)
        .filter((record) => Object.entries(labels).every(([name, value]) => record.labels[name] === value))
        .toSorted((a, b) => b.created_at.localeCompare(a.created_at) || b.session_id.localeCompare(a.session_id))
        .slice(0, limit)
    },

    /** One document of a view as of now; null when there is none. Throws `unknown_view`. */
    async view<Name extends ViewName>(view: Name, key: string): Promise<ViewDocument<Name> | null> {
      return readView(ports, known(view), key)
    },
    /** Every document of a view, as of now or of a position. Throws `unknown_view`. */
    async views<Name extends ViewName>(view: Name, { at }: { at?: Position } = {}): Promise<ViewDocument<Name>[]> {
      return at === undefined ? listView(ports, known(view)) : viewAt(ports, known(view), at)
    },

    /** Folds a trail up to a place: phase, state and pending effects as they were. Throws `session_not_found`, `history_corrupt`. */
    async replay(sessionId: SessionId, given: { at?: Place } = {}): Promise<Replay> {
      return (await this.replayed(sessionId, given.at)).replay
    },
    /** Each transition of a trail up to a place. */
    async replaySteps(sessionId: SessionId, given: { at?: Place } = {}): Promise<ReplayStep[]> {
      return (await this.replayed(sessionId, given.at)).steps
    },
    async replayed(sessionId: SessionId, at: Place | undefined): Promise<{ replay: Replay; steps: ReplayStep[] }> {
      const upTo = at === undefined ? undefined : await this.positionOf(at)
      return (await import('./replay.ts')).replayTrail(ports, sessionId, { upTo })
    },

    /** The position a place stands for: what lies after it comes later. Throws `invalid_argument`. */
    async positionOf(place: Place): Promise<Position> {
      if (typeof place === 'number' && Number.isSafeInteger(place) && place >= 0) return place
      if (place === 'start') return 0
      if (place === 'now') return ports.log.head()
      const text = String(place)
      if (/^\d{1,15}$/.test(text)) return Number(text)
      const time = TIME_PATTERN.test(text) ? toEpochMs(text) : Number.NaN
      if (Number.isNaN(time))
        throw new SwarmError(
          'invalid_argument',
          `${place}: expected start, now, a position or a time such as 2026-01-31T12:00:00Z`,
        )
      return ports.log.positionAt(time)
    },

    /** What earlier finished sessions of the same objective or tracker item ended with, newest first. */
    recall: async (request: StartInput): Promise<RecallEntry[]> =>
      (await import('./effects/recall.ts')).recalled(ports, request),
  }
}

/** The newest records without reading all: which they are stands in an index. */
async function newest(ports: ClientPorts, limit: number): Promise<RegistryRecord[]> {
  const index = await readAcross(ports, 'recentSessions', RECENT_SESSIONS_KEY)
  return readViews(ports, 'registry', index?.document?.session_ids.slice(0, limit) ?? [])
}

const REACH_MS_MAX = 5_000
const REACH_CHECK_MS = 50

/** A position that somebody was told must be there, unless a replica lags or the namespace is another one. */
async function untilLogReaches(ports: ClientPorts, position: Position): Promise<void> {
  const until = ports.clock.monotonic() + REACH_MS_MAX
  while ((await ports.log.head()) < position) {
    if (ports.clock.monotonic() > until) {
      throw new SwarmError('invalid_argument', `position ${position} lies beyond the end of the log`)
    }
    await ports.clock.sleep(REACH_CHECK_MS)
  }
}

/** Programs without types may ask for anything. */
function known<Name extends ViewName>(view: Name): Name {
  if (isViewName(view)) return view
  throw new SwarmError('unknown_view', `no view ${JSON.stringify(view)}; there are ${VIEW_NAMES.join(', ')}`)
}
