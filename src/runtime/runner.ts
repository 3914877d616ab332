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
import type { RunnerSettings } from './runner-settings.ts'
import type { StartResult } from './swarm.ts'
import { loadTrail, nextEvent, type Author } from './trail.ts'
import { WorkWatch } from './work-watch.ts'

export type RunnerHooks = {
  /** Each event of a session served here, as soon as it is in the log. */
  onEvent?: (event: SwarmEvent, position: Position) => void
  onEnd?: (sessionId: SessionId, end: InterpreterEnd) => void
}

type Served = { interpreter: Interpreter; lease: KeptLease; lane: string }

const CLAIM_RETRY_MS = 500

export class Runner {
  private readonly ports: RunnerPorts
  private readonly settings: RunnerSettings
  private readonly hooks: RunnerHooks
  private readonly served = new Map<SessionId, Served>()
  private readonly reserved = new Map<SessionId, KeptLease>()
  private readonly life = new AbortController()
  private readonly author: Author
  private readonly holder: LeaseHolder
  private readonly watch: WorkWatch
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
    this.watch = new WorkWatch(ports, this.holder, {
      onEvent: (event, position) => this.tell(event, position),
      onChange: () => this.schedule(),
    })
  }

  start(): void {
    this.watch.start(this.settings.only)
  }

  /**
   * Starts a session and serves it here: its lease is taken before its first event is written, so no other runner
   * can come in between. Refused as `start` is.
   */
  async run(sessionId: SessionId, start: () => Promise<StartResult>): Promise<StartResult> {
    const lease = await this.newLease(sessionId)
    if (lease !== null) this.reserved.set(sessionId, lease)
    const result = await start()
    if (result.ok) this.watch.followOne(sessionId)
    else await this.reserved.get(sessionId)?.release()
    return result
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
    await this.watch.stop()
    await this.claiming
  }

  private async untilEmpty(): Promise<void> {
    while (this.served.size > 0) {
      await new Promise<void>((resolve) => {
        this.change = resolve
      })
    }
  }

  /** What coordinators and other runners wrote to a session served here reaches its interpreter. */
  private tell(event: SwarmEvent, position: Position): void {
    const served = this.served.get(event.subject)
    if (served === undefined || position <= served.interpreter.state.version) return
    if (event.source === this.author.source) return
    // Known to be somebody else's now: nothing more is begun, whatever the trail says in between.
    const epoch = contextOf(served.interpreter.state).claim?.epoch ?? 0
    if (event.type === 'session.claimed' && event.data.epoch > epoch) {
      return served.interpreter.lose(`claimed by ${event.data.runner_id} as epoch ${event.data.epoch}`)
    }
    void served.interpreter.catchUp()
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
    while (this.accepting && this.watch.ready && this.active < this.settings.capacity) {
      const next = this.watch.queue.next(this.lanesHere())
      if (next === null) return
      // Nothing tells when the log can be reached again, unless something happens in it: so look again.
      if (!this.ports.log.reachable()) return void this.retryLater()
      this.watch.queue.hold(next.sessionId)
      if (this.served.has(next.sessionId)) continue
      try {
        await this.claim(next.sessionId, next.lane)
      } catch (error) {
        this.watch.queue.free(next.sessionId)
        if (isSwarmError(error, 'history_corrupt')) this.watch.queue.refuse(next.sessionId)
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
      if (phaseOf(state) === 'closed') this.watch.queue.forget(sessionId)
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
      this.watch.queue.free(interpreter.sessionId)
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
    if (end.kind === 'closed') this.watch.queue.forget(sessionId)
    if (end.kind === 'corrupt') this.watch.queue.refuse(sessionId)
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
