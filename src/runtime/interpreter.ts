/**
 * The one loop, for one session owned by this runner:
 *
 *   command → the machine emits an event → the log accepts it → the machine takes the event → effects run →
 *   their results are commands.
 *
 * Commands wait in line, so at most one append per trail is in flight. An effect starts only after the event that
 * asked for it was acknowledged. When another runner has claimed the session, everything is ended and nothing written.
 */
import type { SwarmEvent } from '../events/envelope.ts'
import type { Position, SessionId } from '../events/ids.ts'
import type { Command, CommandBody } from '../machines/commands.ts'
import { contextOf, decide, mustAbort, phaseOf, type Refusal, type SessionState } from '../machines/decider.ts'
import type { Intent } from '../machines/intents.ts'
import { endsWhenDraining, isLeftToNext, type Draining } from './drain-rules.ts'
import type { AbortReason, EffectScope, Perform } from './effect-scope.ts'
import { isSwarmError, messageOf, SwarmError } from './errors.ts'
import { appendSurely, performSurely, readSurely, type Appended, type Persistence } from './persistence.ts'
import type { Clock, EventLog, Logger } from './ports.ts'
import { RunningEffects } from './running-effects.ts'
import { eventOrFault, takeIn, type Author } from './trail.ts'

export type InterpreterOptions = {
  sessionId: SessionId
  state: SessionState
  log: EventLog
  clock: Clock
  logger: Logger
  author: Author
  perform: Perform
  onEvent?: (event: SwarmEvent, position: Position) => void
}

/** How this runner's part in the session ended. */
export type InterpreterEnd =
  | { kind: 'closed' }
  | { kind: 'handed_back' }
  | { kind: 'lost'; reason: string }
  | { kind: 'corrupt'; error: SwarmError }

const CONFLICT_ATTEMPTS_MAX = 64

export class Interpreter {
  readonly sessionId: SessionId
  readonly ended: Promise<InterpreterEnd>
  private readonly options: Omit<InterpreterOptions, 'state'>
  private epoch: number
  private readonly running = new RunningEffects()
  private readonly life = new AbortController()
  private current: SessionState
  private line: Promise<void> = Promise.resolve()
  private queued = 0
  private draining: Draining = 'no'
  private readonly persistence: Persistence
  private finish: (end: InterpreterEnd) => void = () => undefined

  constructor({ state, ...options }: InterpreterOptions) {
    const { sessionId, log, clock, logger } = options
    this.options = options
    this.sessionId = sessionId
    this.persistence = { log, clock, logger, sessionId, life: this.life.signal }
    this.current = state
    this.epoch = contextOf(state).claim?.epoch ?? 0
    this.ended = new Promise((resolve) => {
      this.finish = (end) => {
        this.life.abort(end.kind)
        resolve(end)
      }
    })
  }

  get state(): SessionState {
    return this.current
  }

  /**
   * Claims the session with the given event. False when somebody else appended first: nothing was written then.
   * Afterwards the state is ours, and `start` performs what is pending in it.
   */
  async claim(event: SwarmEvent): Promise<boolean> {
    const position = await this.append(event)
    if (typeof position !== 'number') return false
    const step = takeIn(this.current, { kind: 'event', event, position, body: '' })
    this.current = step.state
    this.epoch = contextOf(step.state).claim?.epoch ?? 0
    this.fresh = step.intents.map((intent) => intent.id)
    this.options.onEvent?.(event, position)
    return true
  }
  private fresh: readonly string[] = []

  /** Performs what is pending in the folded state: the whole of recovery. */
  start(): void {
    if (phaseOf(this.current) === 'closed') return this.finish({ kind: 'closed' })
    for (const intent of this.current.pending) this.begin(intent, !this.fresh.includes(intent.id))
  }

  /** Hands in a command; resolves when it has been refused, recorded, or dropped because the session was lost. */
  submit(body: CommandBody, cause?: string): Promise<Refusal | null> {
    return this.inLine(() => this.execute(body, cause))
  }

  /** Takes in what others appended to the trail. Never rejects: a trail that can't be taken in ends the session here. */
  catchUp(): Promise<void> {
    return this.inLine(() => this.readOn()).catch((error: unknown) => this.collapse(error))
  }

  /** Stops starting work; resolves through `ended` once nothing is running. */
  drain(): void {
    this.draining = 'finishing'
    this.running.abort('drain', endsWhenDraining)
    this.handBackWhenIdle()
  }

  /** Ends running turns as interrupted; to be called after `drain` when its time is up. */
  interrupt(): void {
    this.draining = 'time_is_up'
    this.running.abort('drain')
  }

  /** Ends everything at once and writes nothing more. */
  lose(reason: string): void {
    if (this.life.signal.aborted) return
    this.running.abort('lost')
    this.finish({ kind: 'lost', reason })
  }

  /** Resolves when no effect is running any more, e.g. after `lose`. */
  idle(): Promise<void> {
    return this.running.idle()
  }

  private inLine<T>(work: () => Promise<T>): Promise<T> {
    this.queued++
    const done = this.line.then(work).finally(() => {
      this.queued--
      this.handBackWhenIdle()
    })
    this.line = done.then(
      () => undefined,
      (error: unknown) => this.collapse(error),
    )
    return done
  }

  private async execute(body: CommandBody, cause?: string): Promise<Refusal | null> {
    for (let attempt = 1; attempt <= CONFLICT_ATTEMPTS_MAX; attempt++) {
      if (this.life.signal.aborted) return null
      const command: Command = { ...body, at: this.options.clock.now(), cause }
      const decision = decide(this.current, command)
      if (!decision.ok) return decision
      const event = eventOrFault(this.current, decision.fact, this.sessionId, this.options.author, command)
      if (event instanceof Error) return this.giveUpResult(body, cause, `can't be recorded: ${event.message}`)
      const position = await this.append(event)
      if (position === 'lost') return null
      if (position === 'too_large') return this.giveUpResult(body, cause, `is too large for ${event.type}`)
      if (position !== 'conflict') {
        this.take(event, position)
        return null
      }
      await this.readOn()
    }
    throw new SwarmError('wrong_expected_version', `session ${this.sessionId} changes too fast for a command`)
  }

  /** No event can hold this result. Left unanswered, the session would wait for ever; so that it failed is the answer. */
  private giveUpResult(body: CommandBody, cause: string | undefined, why: string): Promise<Refusal | null> {
    if (body.type === 'EFFECT_FAILED') throw new SwarmError('runner_error', `that an effect failed ${why}`)
    const intent = this.current.pending.find((pending) => pending.id === cause)?.type ?? body.type
    return this.execute({ type: 'EFFECT_FAILED', intent, error: `its result ${why}` }, cause)
  }

  private append(event: SwarmEvent): Promise<Appended> {
    return appendSurely(this.persistence, event, this.current.version)
  }

  private async readOn(): Promise<void> {
    for (const item of await readSurely(this.persistence, this.current.version)) {
      if (this.life.signal.aborted) return
      if (item.position <= this.current.version) continue
      if (item.kind === 'event') this.take(item.event, item.position)
      else this.park(item.position, item.code, item.reason)
    }
  }

  private take(event: SwarmEvent, position: Position): void {
    const step = takeIn(this.current, { kind: 'event', event, position, body: '' })
    this.current = step.state
    if (step.parked !== null) return this.park(position, step.parked.code, step.parked.reason)
    if (event.type === 'session.claimed' && event.data.epoch > this.epoch) {
      return this.lose(`claimed by ${event.data.runner_id} as epoch ${event.data.epoch}`)
    }
    this.options.onEvent?.(event, position)
    this.running.endOutdated(this.current)
    if (phaseOf(this.current) === 'closed') return this.finish({ kind: 'closed' })
    for (const intent of step.intents) this.begin(intent, false)
  }

  private park(position: Position, code: string, reason: string): void {
    this.current = { ...this.current, version: Math.max(position, this.current.version) }
    this.options.logger.warn('a message in the trail was parked', { session: this.sessionId, position, code, reason })
  }

  private begin(intent: Intent, recovered: boolean): void {
    if (this.life.signal.aborted || this.running.has(intent)) return
    if (isLeftToNext(intent, recovered, this.draining)) return
    const controller = new AbortController()
    if (mustAbort(this.current, intent)) controller.abort('stop' satisfies AbortReason)
    const perform = () => this.carryOut(intent, controller.signal, recovered)
    this.running.add(intent, controller, perform, () => this.handBackWhenIdle())
  }

  private async carryOut(intent: Intent, signal: AbortSignal, recovered: boolean): Promise<void> {
    const scope: EffectScope = {
      signal,
      recovered,
      state: () => this.current,
      report: (body) => void this.submit(body, intent.id).catch((error: unknown) => this.collapse(error)),
    }
    try {
      const result = await performSurely(this.persistence, this.options.perform, intent, scope)
      if (result === null || signal.reason === 'lost' || signal.reason === 'superseded') return
      const refusal = await this.submit(result, intent.id)
      if (refusal !== null) this.takeRefusal(intent, refusal)
    } catch (error) {
      this.collapse(error)
    }
  }

  /** What is not asked for any more may be refused; an answer that is still needed and not taken would hang the session. */
  private takeRefusal(intent: Intent, refusal: Refusal): void {
    this.options.logger.warn('an effect result was refused', { session: this.sessionId, ...refusal })
    if (!this.current.pending.some(({ id }) => id === intent.id)) return
    throw new SwarmError('runner_error', `the result of ${intent.type} is not accepted: ${refusal.message}`)
  }

  private handBackWhenIdle(): void {
    if (this.draining !== 'no' && this.running.size === 0 && this.queued === 0) this.finish({ kind: 'handed_back' })
  }

  /** A broken invariant or an unusable history ends this session here, never the process. */
  private collapse(error: unknown): void {
    if (this.life.signal.aborted) return
    this.running.abort('lost')
    const fault = isSwarmError(error) ? error : new SwarmError('runner_error', messageOf(error), { cause: error })
    const told = { session: this.sessionId, code: fault.code, error: fault.message }
    this.options.logger.error('the session is given up', told)
    this.finish({ kind: 'corrupt', error: fault })
  }
}
