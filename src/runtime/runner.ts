/**
 * A runner: claims sessions, interprets them, and lets go of them again. It learns what there is to do from the log,
 * and who else is at work from the leases; the claim itself is an event under the trail's expected version, so of two
 * runners that race one loses and moves on.
 */
import type { SwarmEvent } from '../events/envelope.ts'
import type { Position, SessionId } from '../events/ids.ts'
import { contextOf, decide, phaseOf } from '../machines/decider.ts'
import { performer } from './effects/perform.ts'
import { isSwarmError, messageOf } from './errors.ts'
import { Interpreter, type InterpreterEnd } from './interpreter.ts'
import { takeLease, type KeptLease } from './lease-keeper.ts'
import { Leftovers } from './leftovers.ts'
import type { LeaseHolder, RunnerPorts } from './ports.ts'
import { storeNameOf } from './views.ts'
import { indexes } from '../projections/catalog.ts'
import { OPEN_SESSIONS_KEY } from '../projections/open-sessions.ts'
import type { RunnerSettings } from './runner-settings.ts'
import type { StartResult } from './swarm.ts'
import { loadTrail, nextEvent, type Author } from './trail.ts'
import { WORK_NOUNS, WorkQueue } from './work-queue.ts'

export type RunnerHooks = {
  /** Each event of a session served here, as soon as it is in the log. */
  onEvent?: (event: SwarmEvent, position: Position) => void
  onEnd?: (sessionId: SessionId, end: InterpreterEnd) => void
}

type Served = { interpreter: Interpreter; lease: KeptLease; lane: string }

const CLAIM_RETRY_MS = 500
const LOOP_RETRY_MS = 1_000

export class Runner {
  private readonly ports: RunnerPorts
  private readonly settings: RunnerSettings
  private readonly hooks: RunnerHooks
  private readonly queue = new WorkQueue()
  private readonly served = new Map<SessionId, Served>()
  private readonly reserved = new Map<SessionId, KeptLease>()
  private readonly life = new AbortController()
  private readonly author: Author
  private readonly holder: LeaseHolder
  private readonly loops: Promise<void>[] = []
  private caughtUp = false
  private leasesKnown = false
  private accepting = true
  private claiming: Promise<void> | null = null
  /** Whose claim is being appended. */
  private taking: Interpreter | null = null
  private wanted = false
  private change: () => void = () => undefined

  constructor(ports: RunnerPorts, settings: RunnerSettings, hooks: RunnerHooks = {}) {
    this.ports = ports
    this.settings = settings
    this.hooks = hooks
    this.author = { ids: ports.ids, sha256: ports.sha256, source: `runner/${settings.runnerId}` }
    this.holder = {
      runnerId: settings.runnerId,
      host: ports.host.name,
      pid: ports.host.pid,
      processStartedAt: ports.host.processStartedAt,
    }
  }

  start(): void {
    this.loops.push(this.keepOn('following the leases', () => this.followLeases()))
    if (this.settings.only === undefined) this.loops.push(this.keepOn('following the log', () => this.followAll()))
    else for (const sessionId of this.settings.only) this.followOne(sessionId)
  }

  /**
   * Starts a session and serves it here: its lease is taken before its first event is written, so no other runner
   * can come in between. Refused as `start` is.
   */
  async run(sessionId: SessionId, start: () => Promise<StartResult>): Promise<StartResult> {
    const lease = await this.newLease(sessionId)
    if (lease !== null) this.reserved.set(sessionId, lease)
    const result = await start()
    if (result.ok) this.followOne(sessionId)
    else await this.reserved.get(sessionId)?.release()
    return result
  }

  private followOne(sessionId: SessionId): void {
    this.loops.push(this.keepOn(`following ${sessionId}`, () => this.follow(0, { sessionId })))
  }

  get active(): number {
    return [...this.served.values()].filter(({ interpreter }) => phaseOf(interpreter.state) !== 'blocked').length
  }

  /**
   * Takes nothing new, lets turns finish for up to `drainMs`, hands back the rest as interrupted. Resolves when this
   * runner serves nothing any more and all its leases are released.
   */
  async drain(drainMs = this.settings.drainMs): Promise<void> {
    this.accepting = false
    await this.claiming
    for (const { interpreter } of this.served.values()) interpreter.drain()
    const expired = new AbortController()
    const timer = this.interruptAfter(drainMs, expired.signal)
    await this.untilEmpty()
    expired.abort()
    await timer
    await this.stopLoops()
  }

  private async interruptAfter(drainMs: number, done: AbortSignal): Promise<void> {
    await this.ports.clock.sleep(drainMs, done)
    if (!done.aborted) for (const { interpreter } of this.served.values()) interpreter.interrupt()
  }

  /** Ends all processes at once and writes nothing more; leases are left to run out or are released when possible. */
  async kill(): Promise<void> {
    this.accepting = false
    this.taking?.lose('the runner was told to end at once')
    for (const { interpreter } of this.served.values()) interpreter.lose('the runner was told to end at once')
    await Promise.all([...this.served.values()].map(({ interpreter }) => interpreter.idle()))
    await this.stopLoops()
  }

  private async stopLoops(): Promise<void> {
    this.life.abort()
    await Promise.all(this.loops)
    await this.claiming
  }

  private async untilEmpty(): Promise<void> {
    while (this.served.size > 0) {
      await new Promise<void>((resolve) => {
        this.change = resolve
      })
    }
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
        this.tell(item.event, item.position)
      }
      this.schedule()
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

  /** What coordinators and other runners wrote to a session served here reaches its interpreter. */
  private tell(event: SwarmEvent, position: Position): void {
    const served = this.served.get(event.subject)
    if (served === undefined || position <= served.interpreter.state.version) return
    if (event.source === this.author.source) return
    void served.interpreter.catchUp()
  }

  private async followLeases(): Promise<void> {
    for await (const change of this.ports.leases.watch(this.life.signal)) {
      if (change.kind === 'current') this.leasesKnown = true
      else if (change.kind === 'free') this.queue.free(change.key)
      else if (this.isOurDead(change.holder)) await this.evict(change.key, change.holder)
      else if (change.holder.runnerId !== this.settings.runnerId) this.queue.hold(change.key)
      this.schedule()
    }
  }

  /** A holder on this very host whose process is gone will not come back: no need to wait for its lease to run out. */
  private isOurDead(holder: LeaseHolder): boolean {
    const { host } = this.ports
    return (
      holder.host === host.name &&
      holder.runnerId !== this.settings.runnerId &&
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

  private schedule(): void {
    if (this.claiming !== null) {
      this.wanted = true
      return
    }
    this.claiming = this.claimWhilePossible().finally(() => {
      this.claiming = null
      if (this.wanted) {
        this.wanted = false
        this.schedule()
      }
    })
  }

  private async claimWhilePossible(): Promise<void> {
    while (this.accepting && this.caughtUp && this.leasesKnown && this.active < this.settings.capacity) {
      const next = this.queue.next(this.lanesHere())
      if (next === null) return
      // Nothing tells when the log can be reached again, unless something happens in it: so look again.
      if (!this.ports.log.reachable()) return void this.retryLater()
      this.queue.hold(next.sessionId)
      if (this.served.has(next.sessionId)) continue
      try {
        await this.claim(next.sessionId, next.lane)
      } catch (error) {
        this.queue.free(next.sessionId)
        if (isSwarmError(error, 'history_corrupt')) this.queue.refuse(next.sessionId)
        this.ports.logger.error('a session could not be claimed', { session: next.sessionId, error: messageOf(error) })
        if (!isSwarmError(error, 'history_corrupt')) return void this.retryLater()
      }
    }
  }

  private async retryLater(): Promise<void> {
    await this.ports.clock.sleep(CLAIM_RETRY_MS, this.life.signal)
    if (!this.life.signal.aborted) this.schedule()
  }

  private async claim(sessionId: SessionId, lane: string): Promise<void> {
    const lease = await this.leaseFor(sessionId)
    if (lease === null) return
    try {
      await this.claimUnder(lease, sessionId, lane)
    } catch (error) {
      await this.release(sessionId, lease)
      throw error
    }
  }

  private async claimUnder(lease: KeptLease, sessionId: SessionId, lane: string): Promise<void> {
    const { log, clock, logger, host, shell } = this.ports
    const leftovers = new Leftovers()
    const { state } = await loadTrail(log, sessionId, (before, item) => leftovers.look(before, item))
    for (const leftover of leftovers.on(host.name, state)) await shell.reap(leftover)
    // All this may have taken longer than the lease lasts; then the session is somebody else's to claim.
    if (!(await lease.sure(this.life.signal))) return lease.release()
    const at = clock.now()
    const decision = decide(state, {
      type: 'CLAIM',
      at,
      runner_id: this.settings.runnerId,
      epoch: (contextOf(state).claim?.epoch ?? 0) + 1,
      host: host.name,
      pid: host.pid,
    })
    if (!decision.ok) {
      if (phaseOf(state) === 'closed') this.queue.forget(sessionId)
      return lease.release()
    }
    // It may have been told to end meanwhile; what is not claimed yet is left to others.
    if (!this.accepting) return lease.release()
    const interpreter = new Interpreter({
      sessionId,
      state,
      log,
      clock,
      logger,
      author: this.author,
      perform: performer(this.ports, this.settings, lease.sure),
      onEvent: (event, position) => this.hooks.onEvent?.(event, position),
    })
    const claimed = nextEvent(state, decision.fact, sessionId, this.author, { at })
    await this.serve(interpreter, lease, lane, claimed)
  }

  /** The lease reserved for the session, else a new one; null when somebody else holds it. */
  private async leaseFor(sessionId: SessionId): Promise<KeptLease | null> {
    const reserved = this.reserved.get(sessionId)
    this.reserved.delete(sessionId)
    return reserved ?? this.newLease(sessionId)
  }

  private newLease(sessionId: SessionId): Promise<KeptLease | null> {
    // While it had run out somebody else may have claimed the session: the trail tells.
    const onRetaken = async () => this.served.get(sessionId)?.interpreter.catchUp()
    return takeLease(this.ports, sessionId, this.holder, this.settings.leaseTtlMs, onRetaken)
  }

  private async serve(interpreter: Interpreter, kept: KeptLease, lane: string, claimed: SwarmEvent): Promise<void> {
    this.taking = interpreter
    const taken = await interpreter.claim(claimed).finally(() => {
      this.taking = null
    })
    if (!taken) {
      await kept.release()
      this.queue.free(interpreter.sessionId)
      return
    }
    this.served.set(interpreter.sessionId, { interpreter, lease: kept, lane })
    void kept.lost.then((reason) => interpreter.lose(`lease lost: ${reason}`))
    void interpreter.ended.then((end) => this.letGo(interpreter, kept, end))
    interpreter.start()
    // What others appended right after the claim may have been delivered before the session counted as served here.
    void interpreter.catchUp()
  }

  private async letGo(interpreter: Interpreter, lease: KeptLease, end: InterpreterEnd): Promise<void> {
    const { sessionId } = interpreter
    await interpreter.idle()
    this.served.delete(sessionId)
    if (end.kind === 'closed') this.queue.forget(sessionId)
    if (end.kind === 'corrupt') this.queue.refuse(sessionId)
    if (end.kind === 'lost') lease.abandon()
    else await this.release(sessionId, lease)
    this.hooks.onEnd?.(sessionId, end)
    this.change()
    this.schedule()
  }

  private async release(sessionId: SessionId, lease: KeptLease): Promise<void> {
    try {
      await lease.release()
    } catch (error) {
      // It runs out by itself; until then others wait for it.
      this.ports.logger.warn('a lease could not be released', { session: sessionId, error: messageOf(error) })
    }
  }

  private lanesHere(): ReadonlyMap<string, number> {
    const lanes = new Map<string, number>()
    for (const { lane, interpreter } of this.served.values()) {
      if (phaseOf(interpreter.state) !== 'blocked') lanes.set(lane, (lanes.get(lane) ?? 0) + 1)
    }
    return lanes
  }
}
