/** The effects of one session that are under way, and how they are told to end. */
import { mustAbort, type SessionState } from '../machines/decider.ts'
import type { Intent } from '../machines/intents.ts'
import type { AbortReason } from './effect-scope.ts'

type Running = { intent: Intent; controller: AbortController; work: Promise<void> }

export class RunningEffects {
  private readonly running = new Map<string, Running>()

  get size(): number {
    return this.running.size
  }

  has(intent: Intent): boolean {
    return this.running.has(intent.id)
  }

  /** Runs the work until it settles; `onSettled` is told then. */
  add(intent: Intent, controller: AbortController, perform: () => Promise<void>, onSettled: () => void): void {
    const entry: Running = { intent, controller, work: Promise.resolve() }
    this.running.set(intent.id, entry)
    entry.work = perform().finally(() => {
      this.running.delete(intent.id)
      onSettled()
    })
  }

  /** Tells effects to end: all of them, or those that are picked. */
  abort(reason: AbortReason, picks: (intent: Intent) => boolean = () => true): void {
    for (const { intent, controller } of this.running.values()) if (picks(intent)) controller.abort(reason)
  }

  /** Ends what the session has moved on from, and what a stop cuts short. */
  endOutdated(state: SessionState): void {
    const pending = new Set(state.pending.map((intent) => intent.id))
    this.abort('superseded', (intent) => !pending.has(intent.id))
    this.abort('stop', (intent) => pending.has(intent.id) && mustAbort(state, intent))
  }

  /** Resolves when nothing is running any more. */
  async idle(): Promise<void> {
    while (this.running.size > 0) await Promise.all([...this.running.values()].map(({ work }) => work))
  }
}
