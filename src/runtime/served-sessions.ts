/** The sessions a runner serves right now. One that is blocked and held takes no capacity. */
import type { SessionId } from '../events/ids.ts'
import { phaseOf } from '../machines/decider.ts'
import type { Interpreter } from './interpreter.ts'

type Served = { interpreter: Interpreter; lane: string; isAtWork: boolean }

export class ServedSessions {
  private readonly sessions = new Map<SessionId, Served>()
  private readonly atWork = new Map<string, number>()
  private activeCount = 0
  private emptied: () => void = () => undefined

  add(interpreter: Interpreter, lane: string): void {
    this.sessions.set(interpreter.sessionId, { interpreter, lane, isAtWork: false })
    this.recount(interpreter.sessionId)
  }

  /** To be called when the session may have changed its phase. */
  recount(sessionId: SessionId): void {
    const served = this.sessions.get(sessionId)
    if (served !== undefined) this.count(served, phaseOf(served.interpreter.state) !== 'blocked')
  }

  remove(sessionId: SessionId): void {
    const served = this.sessions.get(sessionId)
    if (served !== undefined) this.count(served, false)
    this.sessions.delete(sessionId)
    if (this.sessions.size === 0) this.emptied()
  }

  find(sessionId: SessionId): Interpreter | undefined {
    return this.sessions.get(sessionId)?.interpreter
  }

  get all(): Interpreter[] {
    return [...this.sessions.values()].map(({ interpreter }) => interpreter)
  }

  /** How many there are at work. */
  get active(): number {
    return this.activeCount
  }

  /** How many there are at work, by lane. */
  get lanes(): ReadonlyMap<string, number> {
    return this.atWork
  }

  async untilEmpty(): Promise<void> {
    while (this.sessions.size > 0) {
      await new Promise<void>((resolve) => {
        this.emptied = resolve
      })
    }
  }

  private count(served: Served, isAtWork: boolean): void {
    if (served.isAtWork === isAtWork) return
    served.isAtWork = isAtWork
    const change = isAtWork ? 1 : -1
    const inLane = (this.atWork.get(served.lane) ?? 0) + change
    this.activeCount += change
    if (inLane > 0) this.atWork.set(served.lane, inLane)
    else this.atWork.delete(served.lane)
  }
}
