/**
 * The client: start, steer, follow and join sessions. Everything here works on the log alone, with or without a runner
 * in this process. Refusals are values `{ok: false, code, message}`; infrastructure faults are thrown (errors.ts).
 * What decides and folds is loaded by the methods that need it: loading it takes longer than looking something up.
 */
import type { RecordedEvent } from '../events/envelope.ts'
import { isSessionId, sessionOfPost, type Position, type SessionId } from '../events/ids.ts'
import type { StartInput } from '../events/start-input.ts'
import { toEpochMs } from '../events/timestamp.ts'
import type { CoordinatorCommand } from '../machines/commands.ts'
import type { DocumentOf } from '../projections/catalog.ts'
import { RECENT_SESSIONS_KEY, RECENT_SESSIONS_MAX, type ViewName } from '../projections/names.ts'
import { SESSION_STATUSES } from '../projections/status.ts'
import * as kinds from './arguments.ts'
import { check, checkOptions, checkView } from './arguments.ts'
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
/** Who asks, and why; by default whoever connected the swarm. */
type Asked = { by?: string | undefined; reason?: string | undefined }
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

  const command = async (sessionId: SessionId, bodyOf: () => CoordinatorCommand): Promise<CommandResult> =>
    (await import('./requests.ts')).requestCommand(ports, author, sessionId, bodyOf)
  const asked = (given: Asked) => {
    checkOptions(given, {})
    return { by: given.by ?? options.source, reason: given.reason }
  }

  /** Decides on a post, whose name begins with its session. */
  const decide = async (postId: string, bodyOf: () => CoordinatorCommand): Promise<CommandResult> => {
    const sessionId = kinds.text.fits(postId) ? sessionOfPost(postId) : ''
    if (isSessionId(sessionId)) return command(sessionId, bodyOf)
    const message = `post ${kinds.shown(postId)}: expected SESSION.EVENT, as the event post.held names it`
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
    stop: (sessionId: SessionId, given: Asked = {}) => command(sessionId, () => ({ type: 'STOP', ...asked(given) })),

    /** Lets a blocked and held session go on; the guidance reaches its next turn. */
    resume: (sessionId: SessionId, given: { by?: string | undefined; guidance?: string | undefined } = {}) =>
      command(sessionId, () => ({ type: 'RESUME', ...asked(given), guidance: given.guidance ?? '' })),

    /** Publishes a held post. */
    approve: (postId: string, given: Asked = {}) =>
      decide(postId, () => ({ type: 'APPROVE', post_id: postId, ...asked(given) })),

    /** Keeps a held post from ever being published. */
    deny: (postId: string, given: Asked = {}) =>
      decide(postId, () => ({ type: 'DENY', post_id: postId, ...asked(given) })),

    /**
     * Resolves when the session's outcome is in the log, or after `timeoutMs`. `ok` is true for `completed` only.
     * An unknown session is `error.code === 'session_not_found'`.
     */
    wait: async (
      sessionId: SessionId,
      given: { timeoutMs?: number | undefined; signal?: AbortSignal | undefined } = {},
    ): Promise<WaitResult> => {
      check('session_id', sessionId, kinds.sessionId)
      checkOptions(given, { timeoutMs: kinds.anyNumber, signal: kinds.abortSignal })
      return (await import('./wait.ts')).waitForOutcome(ports, sessionId, given)
    },

    /**
     * Events from any place on, then live on the same path: in order, none missed, none twice. Pulled by the consumer.
     * Ends when the signal aborts, with `until: 'closed'` after the session's last event, with `until: 'now'` when caught up.
     * Throws `session_not_found` with `until: 'closed'` for a session that nobody has asked for yet, as it may never end.
     */
    async *events(
      given: Omit<EventsOptions, 'after'> & { from?: Place } = {},
    ): AsyncGenerator<RecordedEvent, void, undefined> {
      checkOptions(given, {
        sessionId: kinds.sessionId,
        types: kinds.listOf(kinds.text),
        until: kinds.oneOf(['closed', 'now']),
        signal: kinds.abortSignal,
        onParked: kinds.callback,
      })
      const after = await this.positionOf(given.from === undefined ? 'now' : given.from)
      const { followEvents } = await import('./follow-events.ts')
      yield* followEvents(ports, { ...given, after })
    },

    /** The session's registry record as of now, at least up to `atLeast`; null when there is no such session. */
    async get(sessionId: SessionId, given: { atLeast?: Position } = {}): Promise<RegistryRecord | null> {
      check('session_id', sessionId, kinds.sessionId)
      checkOptions(given, { atLeast: kinds.position })
      if (given.atLeast !== undefined) await untilLogReaches(ports, given.atLeast)
      return (await readView(ports, 'registry', sessionId))?.document ?? null
    },

    /** Registry records, newest first. Throws `invalid_argument` for a status that there is not. */
    async list(given: ListOptions = {}): Promise<RegistryRecord[]> {
      const { object, position } = kinds
      checkOptions(given, {
        status: kinds.oneOf(SESSION_STATUSES),
        labels: object,
        at: position,
        limit: kinds.integer(0),
      })
      const { status, labels = {}, at, limit } = given
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
      checkView(view)
      check('key', key, kinds.text)
      return readView(ports, view, key)
    },
    /** Every document of a view, as of now or of a position. Throws `unknown_view`. */
    async views<Name extends ViewName>(view: Name, given: { at?: Position } = {}): Promise<ViewDocument<Name>[]> {
      checkView(view)
      checkOptions(given, { at: kinds.position })
      return given.at === undefined ? listView(ports, view) : viewAt(ports, view, given.at)
    },

    /** Folds a trail up to a place: phase, state and pending effects as they were. Throws `session_not_found`, `history_corrupt`. */
    async replay(sessionId: SessionId, given: { at?: Place } = {}): Promise<Replay> {
      return (await this.replayed(sessionId, given)).replay
    },
    /** Each transition of a trail up to a place. */
    async replaySteps(sessionId: SessionId, given: { at?: Place } = {}): Promise<ReplayStep[]> {
      return (await this.replayed(sessionId, given)).steps
    },
    async replayed(sessionId: SessionId, given: { at?: Place }): Promise<{ replay: Replay; steps: ReplayStep[] }> {
      check('session_id', sessionId, kinds.sessionId)
      checkOptions(given, {})
      const upTo = given.at === undefined ? undefined : await this.positionOf(given.at)
      return (await import('./replay.ts')).replayTrail(ports, sessionId, { upTo })
    },

    /** The position a place stands for: what lies after it comes later. Throws `invalid_argument`. */
    async positionOf(place: Place): Promise<Position> {
      if (typeof place === 'number' && Number.isSafeInteger(place) && place >= 0) return place
      if (place === 'start') return 0
      if (place === 'now') return ports.log.head()
      const text = kinds.text.fits(place) ? String(place) : ''
      if (/^\d{1,15}$/.test(text)) return Number(text)
      const time = TIME_PATTERN.test(text) ? toEpochMs(text) : Number.NaN
      if (Number.isNaN(time))
        throw new SwarmError(
          'invalid_argument',
          `place ${kinds.shown(place)}: expected start, now, a position or a time such as 2026-01-31T12:00:00Z`,
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
