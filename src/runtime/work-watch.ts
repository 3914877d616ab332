/**
 * What a runner has to know: which sessions are open, from the log, and who is at work on them, from the leases.
 * A runner that joins a long log begins with the index of open sessions instead of the log's start.
 */
import type { SwarmEvent } from '../events/envelope.ts'
import type { Position, SessionId } from '../events/ids.ts'
import { indexes } from '../projections/catalog.ts'
import { OPEN_SESSIONS_KEY } from '../projections/open-sessions.ts'
import { messageOf } from './errors.ts'
import type { LeaseHolder, RunnerPorts } from './ports.ts'
import { storedDocument } from './stored-view.ts'
import { WORK_NOUNS, WorkQueue, type OpenSession } from './work-queue.ts'

const LOOP_RETRY_MS = 1_000
/** Up to so many sessions are followed each by itself; from there on it costs less to be told of all of them. */
const FOLLOWED_ALONE_MAX = 3

export type WorkWatchListener = {
  onEvent: (event: SwarmEvent, position: Position) => void
  /** There may be something to claim now. */
  onChange: () => void
}

type WatchPorts = Pick<RunnerPorts, 'log' | 'leases' | 'views' | 'clock' | 'logger' | 'host'>

export class WorkWatch {
  readonly queue = new WorkQueue()
  private readonly ports: WatchPorts
  private readonly holder: LeaseHolder
  private readonly told: WorkWatchListener
  private readonly life = new AbortController()
  private readonly loops = new Set<Promise<void>>()
  /** The sessions that count; null: all. */
  private mine: Set<SessionId> | null = null
  private followsAll = false
  private caughtUp = false
  private leasesKnown = false

  constructor(ports: WatchPorts, holder: LeaseHolder, told: WorkWatchListener) {
    this.ports = ports
    this.holder = holder
    this.told = told
  }

  /** Both the log and the leases have been read up to now: only then is it known what is free to claim. */
  get ready(): boolean {
    return this.caughtUp && this.leasesKnown
  }

  /** Follows all sessions, or only these. */
  start(only?: ReadonlySet<SessionId>): void {
    this.keepOn('following the leases', () => this.followLeases())
    this.mine = only === undefined ? null : new Set(only)
    if (only === undefined || only.size > FOLLOWED_ALONE_MAX) this.followAll()
    else for (const sessionId of only) this.followAlone(sessionId, 0)
  }

  /** Takes in a session that this runner has just started: what is written to it from now on is told. */
  add(session: OpenSession): void {
    this.queue.add(session)
    this.mine?.add(session.sessionId)
    if (!this.followsAll) {
      if (this.mine !== null && this.mine.size > FOLLOWED_ALONE_MAX) this.followAll()
      else this.followAlone(session.sessionId, session.startedAt)
    }
    this.told.onChange()
  }

  async stop(): Promise<void> {
    this.life.abort()
    await Promise.all(this.loops)
  }

  /** Whatever ends a loop early (the log can't be reached, a store refuses) is reported, and the loop begins again. */
  private keepOn(what: string, loop: () => Promise<void>, isOver: () => boolean = () => false): void {
    const { logger, clock } = this.ports
    const { signal } = this.life
    const run = async () => {
      while (!signal.aborted) {
        try {
          await loop()
        } catch (error) {
          logger.error(`${what} was interrupted`, { error: messageOf(error) })
        }
        if (isOver()) return
        await clock.sleep(LOOP_RETRY_MS, signal)
      }
    }
    const running = run().finally(() => this.loops.delete(running))
    this.loops.add(running)
  }

  private followAll(): void {
    this.followsAll = true
    this.keepOn('following the log', async () => this.follow(await this.openSessions()))
  }

  private followAlone(sessionId: SessionId, after: Position): void {
    const isOver = () => this.mine?.has(sessionId) === false
    this.keepOn(`following ${sessionId}`, () => this.follow(after, sessionId), isOver)
  }

  /** To the end of the one session, or for ever. */
  private async follow(after: Position, sessionId?: SessionId): Promise<void> {
    const filter = { nouns: WORK_NOUNS, ...(sessionId === undefined ? {} : { sessionId }) }
    for await (const item of this.ports.log.subscribe({ after, filter, signal: this.life.signal })) {
      if (item.kind === 'event' && this.isMine(item.event.subject)) this.take(item.event, item.position)
      if (item.kind === 'caught_up') {
        this.caughtUp = true
        this.told.onChange()
      }
      if (sessionId !== undefined && !this.isMine(sessionId)) return
    }
  }

  private take(event: SwarmEvent, position: Position): void {
    this.queue.take(event, position)
    if (event.type === 'session.closed') this.mine?.delete(event.subject)
    this.told.onEvent(event, position)
    this.told.onChange()
  }

  private isMine(sessionId: SessionId): boolean {
    return this.mine === null || this.mine.has(sessionId)
  }

  /** Begins with what the index says is open, as far as it reaches; the log from there on tells the rest. */
  private async openSessions(): Promise<Position> {
    const { stored } = await storedDocument(this.ports, indexes.openSessions, OPEN_SESSIONS_KEY)
    if (stored === null) return 0
    const parsed = indexes.openSessions.schema.safeParse(stored.document)
    // What is stored is a cache: when it can't be used, the log tells it all again.
    if (!parsed.success) return 0
    for (const [sessionId, { lane, started_at }] of Object.entries(parsed.data.sessions))
      if (this.isMine(sessionId)) this.queue.add({ sessionId, lane, startedAt: started_at })
    return stored.position
  }

  private async followLeases(): Promise<void> {
    for await (const change of this.ports.leases.watch(this.life.signal)) {
      if (change.kind === 'current') this.leasesKnown = true
      else if (change.kind === 'free') this.queue.free(change.key)
      else if (this.isOurDead(change.holder)) await this.evict(change.key, change.holder)
      else if (change.holder.runnerId !== this.holder.runnerId) this.queue.hold(change.key)
      this.told.onChange()
    }
  }

  /** A holder on this very host whose process is gone will not come back: no need to wait for its lease to run out. */
  private isOurDead(holder: LeaseHolder): boolean {
    const { host } = this.ports
    return (
      holder.host === host.name &&
      holder.runnerId !== this.holder.runnerId &&
      !host.alive(holder.pid, holder.processStartedAt)
    )
  }

  private async evict(key: string, holder: LeaseHolder): Promise<void> {
    try {
      if (!(await this.ports.leases.evict(key, holder))) this.queue.hold(key)
    } catch (error) {
      this.ports.logger.warn('a dead lease could not be ended', { key, error: messageOf(error) })
      this.queue.hold(key)
    }
  }
}
