/** The sessions a runner serves right now. One that is blocked and held takes no capacity. */
import type { SessionId } from '../events/ids.ts'
import { phaseOf } from '../machines/decider.ts'
import type { Interpreter } from './interpreter.ts'

export type Served = { interpreter: Interpreter; lane: string }

export class ServedSessions {
  private readonly sessions = new Map<SessionId, Served>()
  private emptied: () => void = () => undefined

  add(served: Served): void {
    this.sessions.set(served.interpreter.sessionId, served)
  }

  remove(sessionId: SessionId): void {
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
    return this.atWork().length
  }

  /** How many there are at work, by lane. */
  get lanes(): ReadonlyMap<string, number> {
    const lanes = new Map<string, number>()
    for (const { lane } of this.atWork()) lanes.set(lane, (lanes.get(lane) ?? 0) + 1)
    return lanes
  }

  async untilEmpty(): Promise<void> {
    while (this.sessions.size > 0) {
      await new Promise<void>((resolve) => {
        this.emptied = resolve
      })
    }
  }

  private atWork(): Served[] {
    return [...this.sessions.values()].filter(({ interpreter }) => phaseOf(interpreter.state) !== 'blocked')
  }
}
