/**
 * A runner: claims sessions, interprets them, and lets go of them again. It learns what there is to do from the log,
 * and who else is at work from the leases; the claim itself is an event under the trail's expected version, so of two
 * runners that race one loses and moves on.
 */
import type { SwarmEvent } from '../events/envelope.ts'
import type { Position, SessionId } from '../events/ids.ts'
import { contextOf } from '../machines/decider.ts'
import { decideClaim } from './claim.ts'
import { performer } from './effects/perform.ts'
import { isSwarmError, messageOf } from './errors.ts'
import { Interpreter, type InterpreterEnd } from './interpreter.ts'
import { holderOn, takeLease, type KeptLease } from './lease-keeper.ts'
import type { LeaseHolder, RunnerPorts } from './ports.ts'
import type { RunnerSettings } from './runner-settings.ts'
import { ServedSessions } from './served-sessions.ts'
import type { StartResult } from './requests.ts'
import type { Author } from './trail.ts'
import { WorkWatch } from './work-watch.ts'

/** Told what happens to the sessions that a runner serves; `onEnd`: when it is done with one, and why. */
export type RunnerHooks = {
  /** Each event of a session served here, as soon as it is in the log. */
  onEvent?: (event: SwarmEvent, position: Position) => void
  onEnd?: (sessionId: SessionId, end: InterpreterEnd) => void
}

const CLAIM_RETRY_MS = 500

export class Runner {
  private readonly ports: RunnerPorts
  private readonly settings: RunnerSettings
  private readonly hooks: RunnerHooks
  private readonly served = new ServedSessions()
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

  constructor(ports: RunnerPorts, settings: RunnerSettings, hooks: RunnerHooks = {}) {
    this.ports = ports
    this.settings = settings
    this.hooks = hooks
    this.author = { ids: ports.ids, sha256: ports.sha256, source: `runner/${settings.runnerId}` }
    this.holder = holderOn(ports.host, settings.runnerId)
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
  async run(sessionId: SessionId, lane: string, start: () => Promise<StartResult>): Promise<StartResult> {
    const lease = await this.newLease(sessionId)
    if (lease !== null) this.reserved.set(sessionId, lease)
    const result = await start()
    if (result.ok) this.watch.add({ sessionId, lane, startedAt: result.position })
    else await this.reserved.get(sessionId)?.release()
    return result
  }

  get active(): number {
    return this.served.active
  }

  /**
   * Takes nothing new, lets turns finish for up to `drainMs`, hands back the rest as interrupted. Resolves when this
   * runner serves nothing any more and all its leases are released.
   */
  async drain(drainMs = this.settings.drainMs): Promise<void> {
    this.accepting = false
    await this.claiming
    for (const interpreter of this.served.all) interpreter.drain()
    const expired = new AbortController()
    const timer = this.interruptAfter(drainMs, expired.signal)
    await this.served.untilEmpty()
    expired.abort()
    await timer
    await this.stopLoops()
  }

  private async interruptAfter(drainMs: number, done: AbortSignal): Promise<void> {
    await this.ports.clock.sleep(drainMs, done)
    if (!done.aborted) for (const interpreter of this.served.all) interpreter.interrupt()
  }

  /** Ends all processes at once and writes nothing more; leases are left to run out. */
  async kill(): Promise<void> {
    this.accepting = false
    const reason = 'the runner was told to end at once'
    this.taking?.lose(reason)
    for (const interpreter of this.served.all) interpreter.lose(reason)
    await Promise.all(this.served.all.map((interpreter) => interpreter.idle()))
    await this.stopLoops()
  }

  private async stopLoops(): Promise<void> {
    this.life.abort()
    await this.watch.stop()
    await this.claiming
  }

  /** What coordinators and other runners wrote to a session served here reaches its interpreter. */
  private tell(event: SwarmEvent, position: Position): void {
    const interpreter = this.served.find(event.subject)
    if (interpreter === undefined || position <= interpreter.state.version) return
    if (event.source === this.author.source) return
    // Known to be somebody else's now: nothing more is begun, whatever the trail says in between.
    const epoch = contextOf(interpreter.state).claim?.epoch ?? 0
    if (event.type === 'session.claimed' && event.data.epoch > epoch) {
      return interpreter.lose(`claimed by ${event.data.runner_id} as epoch ${event.data.epoch}`)
    }
    void interpreter.catchUp()
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
      const next = this.watch.queue.next(this.served.lanes)
      if (next === null) return
      // Nothing tells when the log can be reached again, unless something happens in it: so look again.
      if (!this.ports.log.reachable()) return void this.retryLater()
      this.watch.queue.hold(next.sessionId)
      if (this.served.find(next.sessionId) !== undefined) continue
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
    const claim = await decideClaim(this.ports, this.author, this.holder, sessionId, () => lease.sure(this.life.signal))
    if (claim === 'closed') this.watch.queue.forget(sessionId)
    // It may have been told to end meanwhile; what is not claimed yet is left to others.
    if (claim === 'closed' || claim === 'not_ours' || !this.accepting) return lease.release()
    const { log, clock, logger } = this.ports
    const interpreter = new Interpreter({
      sessionId,
      state: claim.state,
      log,
      clock,
      logger,
      author: this.author,
      perform: performer(this.ports, this.settings, lease.sure),
      onEvent: (event, position) => {
        this.served.recount(sessionId)
        this.hooks.onEvent?.(event, position)
      },
    })
    await this.serve(interpreter, lease, lane, claim.event)
  }

  /** The lease reserved for the session, else a new one; null when somebody else holds it. */
  private async leaseFor(sessionId: SessionId): Promise<KeptLease | null> {
    const reserved = this.reserved.get(sessionId)
    this.reserved.delete(sessionId)
    return reserved ?? this.newLease(sessionId)
  }

  private newLease(sessionId: SessionId): Promise<KeptLease | null> {
    // While it had run out somebody else may have claimed the session: the trail tells.
    const onRetaken = async () => this.served.find(sessionId)?.catchUp()
    return takeLease(this.ports, sessionId, this.holder, this.settings.leaseTtlMs, onRetaken)
  }

  private async serve(interpreter: Interpreter, kept: KeptLease, lane: string, claimed: SwarmEvent): Promise<void> {
    this.taking = interpreter
    const taken = await interpreter.claim(claimed).finally(() => (this.taking = null))
    if (!taken) {
      await kept.release()
      this.watch.queue.free(interpreter.sessionId)
      return
    }
    this.served.add(interpreter, lane)
    void kept.lost.then((reason) => interpreter.lose(`lease lost: ${reason}`))
    void interpreter.ended.then((end) => this.letGo(interpreter, kept, end))
    interpreter.start()
    // What others appended right after the claim may have been delivered before the session counted as served here.
    void interpreter.catchUp()
  }

  private async letGo(interpreter: Interpreter, lease: KeptLease, end: InterpreterEnd): Promise<void> {
    const { sessionId } = interpreter
    await interpreter.idle()
    if (end.kind === 'closed') this.watch.queue.forget(sessionId)
    if (end.kind === 'corrupt') this.watch.queue.refuse(sessionId)
    if (end.kind === 'lost') lease.abandon()
    else await this.release(sessionId, lease)
    this.served.remove(sessionId)
    this.hooks.onEnd?.(sessionId, end)
    this.schedule()
  }

  /** A lease that can't be released runs out by itself; until then others wait for it. */
  private async release(sessionId: SessionId, lease: KeptLease): Promise<void> {
    try {
      await lease.release()
    } catch (error) {
      this.ports.logger.warn('a lease could not be released', { session: sessionId, error: messageOf(error) })
    }
  }
}
