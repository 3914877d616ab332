/**
 * The client: start, steer, follow and join sessions. Everything here works on the log alone, with or without a runner
 * in this process. Refusals are values `{ok: false, code, message}`; infrastructure faults are thrown (errors.ts).
 */
import { describe } from '../events/catalog.ts'
import { EVENT_BYTES_MAX, type RecordedEvent } from '../events/envelope.ts'
import { SESSION_ID_PATTERN, sessionOfPost, type Position, type SessionId } from '../events/ids.ts'
import { startInputSchema, type StartInput } from '../events/start-input.ts'
import { toEpochMs } from '../events/timestamp.ts'
import type { CoordinatorCommand } from '../machines/commands.ts'
import type { Refusal } from '../machines/decider.ts'
import { indexes, isViewName, VIEW_NAMES, type DocumentOf, type ViewName } from '../projections/catalog.ts'
import { RECENT_SESSIONS_KEY, RECENT_SESSIONS_MAX } from '../projections/recent-sessions.ts'
import { SESSION_STATUSES } from '../projections/status.ts'
import { relatedKeys } from '../projections/related-sessions.ts'
import { handleCommand } from './command-handler.ts'
import { isEarlier, RECALL_SESSIONS_MAX, recallOf, type RecallEntry } from './effects/recall.ts'
import { isSwarmError, SwarmError } from './errors.ts'
import { followEvents, type EventsOptions } from './follow-events.ts'
import type { ClientPorts } from './ports.ts'
import { replayTrail, type Replay, type ReplayOptions, type ReplayStep } from './replay.ts'
import { listView, readAcross, readView, viewAt, type ViewDocument } from './views.ts'
import { waitForOutcome, type WaitResult } from './wait.ts'

/** How a session stands: the document of the view `registry`. */
export type RegistryRecord = DocumentOf<'registry'>
/** What `start` takes: everything but the task has a default. */
export type StartRequest = Partial<Omit<StartInput, 'task'>> & { task: string }
/** Something given is not what it has to be; the message names it. Nothing was written. */
export type InvalidArgument = Readonly<{ ok: false; code: 'invalid_argument'; message: string }>
/** The position of the event that was written, or why none was. */
export type CommandResult = Readonly<{ ok: true; position: Position }> | Refusal | InvalidArgument
/** The new session, or why there is none. */
export type StartResult =
  | Readonly<{ ok: true; sessionId: SessionId; position: Position }>
  | ((Refusal | InvalidArgument) & { sessionId?: undefined })

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

  const command = async (sessionId: SessionId, body: CoordinatorCommand): Promise<CommandResult> => {
    if (!SESSION_ID_PATTERN.test(sessionId))
      return invalid(`session_id: expected 1 to 64 characters of A-Z a-z 0-9 _ -, got ${JSON.stringify(sessionId)}`)
    try {
      const result = await handleCommand(ports, author, sessionId, body)
      return result.ok ? { ok: true, position: result.position } : result
    } catch (error) {
      if (!isSwarmError(error, 'append_too_large')) throw error
      return invalid(`the request is too large: all of it has to fit into one event of ${EVENT_BYTES_MAX} bytes`)
    }
  }

  /** Decides on a post, whose name begins with its session. */
  const decide = async (postId: string, body: CoordinatorCommand): Promise<CommandResult> => {
    const sessionId = sessionOfPost(postId)
    return SESSION_ID_PATTERN.test(sessionId)
      ? command(sessionId, body)
      : invalid(`post ${JSON.stringify(postId)}: expected SESSION.EVENT, as the event post.held names it`)
  }

  return {
    ports,

    /**
     * Asks for a session; returns once the request is durable. A runner picks it up from the log, now or later.
     * Refused with `session_exists` when the id is taken, `invalid_argument` naming each wrong key, or when the request
     * is larger than an event may be.
     */
    async start(request: StartRequest): Promise<StartResult> {
      const given = Object.fromEntries(
        Object.entries(request).filter(([, value]) => value !== undefined && value !== null),
      )
      const parsed = startInputSchema.safeParse({ session_id: ports.ids.next(), ...given })
      if (!parsed.success) return invalid(describe(parsed.error.issues))
      const result = await command(parsed.data.session_id, { type: 'START', input: parsed.data })
      return result.ok ? { ok: true, sessionId: parsed.data.session_id, position: result.position } : result
    },

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
    wait: (
      sessionId: SessionId,
      given: { timeoutMs?: number | undefined; signal?: AbortSignal | undefined } = {},
    ): Promise<WaitResult> => waitForOutcome(ports, sessionId, given),

    /**
     * Events from any place on, then live on the same path: in order, none missed, none twice. Pulled by the consumer.
     * Ends when the signal aborts, with `until: 'closed'` after the session's last event, with `until: 'now'` when caught up.
     * Throws `session_not_found` with `until: 'closed'` for a session that nobody has asked for yet, as it may never end.
     */
    async *events(
      given: Omit<EventsOptions, 'after'> & { from?: Place } = {},
    ): AsyncGenerator<RecordedEvent, void, undefined> {
      const after = await this.positionOf(given.from ?? 'now')
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
      return replayTrail(ports, sessionId, await this.replayOptions(given.at)).then(({ replay }) => replay)
    },
    /** Each transition of a trail up to a place. */
    async replaySteps(sessionId: SessionId, given: { at?: Place } = {}): Promise<ReplayStep[]> {
      return replayTrail(ports, sessionId, await this.replayOptions(given.at)).then(({ steps }) => steps)
    },
    async replayOptions(at: Place | undefined): Promise<ReplayOptions> {
      return at === undefined ? {} : { upTo: await this.positionOf(at) }
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
    async recall(request: StartInput): Promise<RecallEntry[]> {
      const records = (await related(ports, request)).filter((record) => isEarlier(record, request))
      return Promise.all(records.slice(0, RECALL_SESSIONS_MAX).map((record) => recallOf(ports, record)))
    },
  }
}

/** The newest records without reading all: which they are stands in an index. */
async function newest(ports: ClientPorts, limit: number): Promise<RegistryRecord[]> {
  const index = await readAcross(ports, indexes.recentSessions, RECENT_SESSIONS_KEY)
  return recordsOf(ports, index?.document?.session_ids.slice(0, limit) ?? [])
}

/** The newest records of the same objective or tracker item, newest first. */
async function related(ports: ClientPorts, request: StartInput): Promise<RegistryRecord[]> {
  const keys = relatedKeys(request)
  const found = await Promise.all(keys.map((key) => readAcross(ports, indexes.relatedSessions, key)))
  const sessions = found
    .flatMap((index) => index?.document?.sessions ?? [])
    .toSorted((a, b) => b.started_at - a.started_at)
  return recordsOf(ports, [...new Set(sessions.map(({ session_id }) => session_id))])
}

async function recordsOf(ports: ClientPorts, ids: readonly SessionId[]): Promise<RegistryRecord[]> {
  const found = await Promise.all(ids.map((id) => readView(ports, 'registry', id)))
  return found.flatMap((view) => (view === null ? [] : [view.document]))
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

function invalid(message: string): InvalidArgument {
  return { ok: false, code: 'invalid_argument', message }
}
