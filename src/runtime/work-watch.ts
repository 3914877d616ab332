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
import { storeNameOf } from './views.ts'
import { WORK_NOUNS, WorkQueue } from './work-queue.ts'

const LOOP_RETRY_MS = 1_000

export type WorkWatchListener = {
  onEvent: (event: SwarmEvent, position: Position) => void
  /** There may be something to claim now. */
  onChange: () => void
}

export class WorkWatch {
  readonly queue = new WorkQueue()
  private readonly ports: RunnerPorts
  private readonly holder: LeaseHolder
  private readonly told: WorkWatchListener
  private readonly life = new AbortController()
  private readonly loops: Promise<void>[] = []
  private caughtUp = false
  private leasesKnown = false

  constructor(ports: RunnerPorts, holder: LeaseHolder, told: WorkWatchListener) {
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
    this.loops.push(this.keepOn('following the leases', () => this.followLeases()))
    if (only === undefined) this.loops.push(this.keepOn('following the log', () => this.followAll()))
    else for (const sessionId of only) this.followOne(sessionId)
  }

  followOne(sessionId: SessionId): void {
    this.loops.push(this.keepOn(`following ${sessionId}`, () => this.follow(0, { sessionId })))
  }

  async stop(): Promise<void> {
    this.life.abort()
    await Promise.all(this.loops)
  }

  /** Whatever ends a loop early (the log can't be reached, a store refuses) is reported, and the loop begins again. */
  private async keepOn(what: string, loop: () => Promise<void>): Promise<void> {
    while (!this.life.signal.aborted) {
      try {
        await loop()
      } catch (error) {
        this.ports.logger.error(`${what} was interrupted`, { error: messageOf(error) })
      }
      await this.ports.clock.sleep(LOOP_RETRY_MS, this.life.signal)
    }
  }

  private async followAll(): Promise<void> {
    await this.follow(await this.openSessions(), {})
  }

  private async follow(after: Position, filter: { sessionId?: SessionId }): Promise<void> {
    const items = this.ports.log.subscribe({
      after,
      filter: { ...filter, nouns: WORK_NOUNS },
      signal: this.life.signal,
    })
    for await (const item of items) {
      if (item.kind === 'caught_up') this.caughtUp = true
      if (item.kind === 'event') {
        this.queue.take(item.event, item.position)
        this.told.onEvent(item.event, item.position)
      }
      this.told.onChange()
    }
  }

  /** Begins with what the index says is open, as far as it reaches; the log from there on tells the rest. */
  private async openSessions(): Promise<Position> {
    const stored = await this.ports.views.get(storeNameOf(indexes.openSessions), OPEN_SESSIONS_KEY)
    if (stored === null) return 0
    const parsed = indexes.openSessions.schema.safeParse(stored.document)
    // What is stored is a cache: when it can't be used, the log tells it all again.
    if (!parsed.success) return 0
    for (const [sessionId, { lane, started_at }] of Object.entries(parsed.data.sessions))
      this.queue.add({ sessionId, lane, startedAt: started_at })
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
