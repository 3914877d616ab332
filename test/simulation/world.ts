/**
 * What everything in the simulated world shares: time, chance, faults, the trace, and what was found to be wrong. Calls
 * to the world go over a network that delays and loses them, or to the disk and processes of the caller's own host.
 */
import { messageOf, SwarmError } from '../../src/runtime/errors.ts'
import type { Faults } from './faults.ts'
import type { Random } from './random.ts'
import type { Actor, Scheduler } from './scheduler.ts'

/** Where a process can be made to die: before something has happened, or after it has and before it is told. */
export type CrashPoint = { actor: Actor; what: string; when: 'before' | 'after' }

/** What happens to a call besides its being carried out. */
export type Fate = 'done' | 'unreachable' | 'answer_lost' | 'request_lost' | 'late'

type Outcome<T> = { ok: true; value: T } | { ok: false; error: unknown }

const LATENCY_MS_MAX = 4
const SLOW_MS_MAX = 2_500
const LATE_MS_MAX = 6_000
const TIMEOUT_MS = 700

export class World {
  readonly scheduler: Scheduler
  readonly random: Random
  readonly faults: Faults
  readonly trace: string[] = []
  readonly violations: string[] = []
  /** Asked before and after each call of a process; true: it dies there. */
  crashHere: (point: CrashPoint) => boolean = () => false
  private readonly cutOffUntilMs = new Map<Actor, number>()

  constructor(scheduler: Scheduler, faults: Faults) {
    this.scheduler = scheduler
    this.random = scheduler.random
    this.faults = faults
  }

  note(line: string): void {
    this.trace.push(`${String(this.scheduler.nowMs).padStart(7)} ${line}`)
  }

  violate(law: string): void {
    this.violations.push(law)
    this.note(`BROKEN: ${law}`)
  }

  /** No call of this process reaches the log or the stores for so long. */
  cutOff(actor: Actor, ms: number): void {
    this.cutOffUntilMs.set(actor, this.scheduler.nowMs + ms)
  }

  reachable(actor: Actor): boolean {
    return this.scheduler.nowMs >= (this.cutOffUntilMs.get(actor) ?? 0)
  }

  heal(): void {
    this.faults.active = false
    this.cutOffUntilMs.clear()
    this.note('healed: no faults from here on')
  }

  latency(): number {
    const { random, faults } = this
    if (faults.active && random.chance(faults.slow)) return random.int(0, SLOW_MS_MAX)
    return random.int(0, LATENCY_MS_MAX)
  }

  /** When the next item of a stream reaches a process: after some time, and not while it is cut off. */
  async arrival(actor: Actor): Promise<void> {
    await this.scheduler.delay(actor, this.latency())
    while (!this.reachable(actor)) {
      await this.scheduler.delay(actor, (this.cutOffUntilMs.get(actor) ?? 0) - this.scheduler.nowMs)
    }
  }

  /** A request over the network, and its answer. What was sent is carried out even when the sender dies meanwhile. */
  call<T>(actor: Actor, what: string, work: () => Promise<T>, isAppend = false): Promise<T> {
    if (!actor.alive) return new Promise(() => undefined)
    const { scheduler } = this
    const fate = this.reachable(actor) ? this.faults.fateOf(this.random, isAppend) : 'unreachable'
    return new Promise((resolve, reject) => {
      const answer = (ms: number, tell: () => void) => void scheduler.after(actor, ms, tell)
      const carryOut = (tell: boolean) => {
        if (this.dies({ actor, what, when: 'before' })) return
        void this.carriedOut(actor, what, work).then((outcome) => {
          if (!tell || (outcome.ok && this.dies({ actor, what, when: 'after' }))) return undefined
          return answer(this.latency(), () => {
            if (!outcome.ok) reject(outcome.error)
            else if (fate === 'answer_lost') reject(this.unknown(actor, what))
            else resolve(outcome.value)
          })
        })
      }
      if (fate === 'unreachable') {
        answer(this.latency(), () => reject(this.unreachable(actor, what)))
      } else if (fate === 'request_lost') {
        answer(TIMEOUT_MS, () => reject(this.unknown(actor, what)))
      } else if (fate === 'late') {
        answer(this.latency(), () => reject(this.unknown(actor, what)))
        scheduler.after(null, this.random.int(0, LATE_MS_MAX), () => carryOut(false))
      } else scheduler.after(null, this.latency(), () => carryOut(true))
    })
  }

  private async carriedOut<T>(actor: Actor, what: string, work: () => Promise<T>): Promise<Outcome<T>> {
    try {
      const value = await work()
      this.note(`${actor.name} ${what}${typeof value === 'number' ? ` = ${value}` : ''}`)
      return { ok: true, value }
    } catch (error) {
      this.note(`${actor.name} ${what}: ${messageOf(error)}`)
      return { ok: false, error }
    }
  }

  /** Work on the process's own host; it dies with the process unless it has happened. */
  local<T>(actor: Actor, what: string, work: () => T, msMax = 2): Promise<T> {
    if (!actor.alive) return new Promise(() => undefined)
    const { scheduler, random } = this
    return new Promise((resolve, reject) => {
      scheduler.after(actor, random.int(0, msMax), () => {
        if (this.dies({ actor, what, when: 'before' })) return
        try {
          const value = work()
          this.note(`${actor.name} ${what}`)
          if (this.dies({ actor, what, when: 'after' })) return
          scheduler.after(actor, random.int(0, msMax), () => resolve(value))
        } catch (error) {
          this.note(`${actor.name} ${what} failed: ${messageOf(error)}`)
          scheduler.after(actor, random.int(0, msMax), () => reject(error))
        }
      })
    })
  }

  private dies(point: CrashPoint): boolean {
    return point.actor.alive && this.crashHere(point)
  }

  private unreachable(actor: Actor, what: string): SwarmError {
    this.note(`${actor.name} ${what}: log_unreachable`)
    return new SwarmError('log_unreachable', 'the simulated network is down', { retryable: true })
  }

  private unknown(actor: Actor, what: string): SwarmError {
    this.note(`${actor.name} ${what}: append_outcome_unknown`)
    return new SwarmError('append_outcome_unknown', 'the simulated answer got lost', { retryable: true })
  }
}
