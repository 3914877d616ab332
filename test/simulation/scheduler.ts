/**
 * Virtual time. Everything that takes time in the simulated world is a task in one heap, ordered by due time and, where
 * two are due at once, by chance with the seed. A task belongs to a process of the world: tasks of a process that
 * crashed are dropped for ever, those of a frozen one wait until it thaws. After each task all promises settle before
 * the next one runs, so one seed is one order of events.
 */
import type { Clock } from '../../src/runtime/ports.ts'
import type { Random } from './random.ts'

/** A process of the world that can die or be stopped; its continuations are its tasks. */
export type Actor = { readonly name: string; readonly host: string; alive: boolean; frozenUntilMs: number }

type Task = { dueMs: number; tie: number; order: number; actor: Actor | null; run: () => void; cancelled: boolean }
export type Cancel = () => void

/** 2026-01-01, so that times in traces are easy to read. */
export const EPOCH_MS = Date.UTC(2026, 0, 1)
/** What thawed is due again before anything else of that moment, in its old order. */
const THAWED_TIE = -1

export class Scheduler {
  readonly random: Random
  nowMs = 0
  steps = 0
  private readonly heap: Task[] = []
  private order = 0

  constructor(random: Random) {
    this.random = random
  }

  actor(name: string, host: string): Actor {
    return { name, host, alive: true, frozenUntilMs: 0 }
  }

  /** Runs something later, in the name of a process; null: of the world itself, which never dies. */
  after(actor: Actor | null, ms: number, run: () => void): Cancel {
    const dueMs = this.nowMs + Math.max(0, Math.ceil(ms))
    const task = { dueMs, tie: this.random.unit(), order: this.order++, actor, run, cancelled: false }
    this.push(task)
    return () => {
      task.cancelled = true
    }
  }

  delay(actor: Actor | null, ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(actor, ms, resolve)
    })
  }

  /** A process's own clock. */
  clockOf(actor: Actor | null): Clock {
    return {
      now: () => EPOCH_MS + this.nowMs,
      monotonic: () => this.nowMs,
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          if (signal?.aborted === true) return resolve()
          const wake = () => {
            cancel()
            signal?.removeEventListener('abort', wake)
            resolve()
          }
          const cancel = this.after(actor, ms, wake)
          signal?.addEventListener('abort', wake)
        }),
    }
  }

  /** Runs tasks until the condition holds (true) or none is left that is due by the given time (false). */
  async runUntil(done: () => boolean, untilMs: number, stepsMax: number): Promise<boolean> {
    const last = this.steps + stepsMax
    await settled()
    while (!done()) {
      const task = this.pop()
      if (task === null || task.dueMs > untilMs || this.steps >= last) {
        if (task !== null) this.push(task)
        this.nowMs = Math.max(this.nowMs, task === null ? this.nowMs : Math.min(task.dueMs, untilMs))
        return false
      }
      this.nowMs = task.dueMs
      this.steps++
      task.run()
      await settled()
    }
    return true
  }

  private pop(): Task | null {
    for (;;) {
      const task = this.popHeap()
      if (task === undefined) return null
      const { actor } = task
      if (task.cancelled || actor?.alive === false) continue
      if (actor === null || actor.frozenUntilMs <= task.dueMs) return task
      Object.assign(task, { dueMs: actor.frozenUntilMs, tie: THAWED_TIE, order: this.order++ })
      this.push(task)
    }
  }

  private push(task: Task): void {
    const { heap } = this
    let at = heap.length
    heap.push(task)
    while (at > 0) {
      const up = (at - 1) >> 1
      const parent = heap[up]
      if (parent === undefined || before(parent, task)) break
      heap[at] = parent
      at = up
    }
    heap[at] = task
  }

  private popHeap(): Task | undefined {
    const { heap } = this
    const [top] = heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return top
    let at = 0
    for (;;) {
      const left = at * 2 + 1
      const [a, b] = [heap[left], heap[left + 1]]
      if (a === undefined) break
      const [child, next] = b !== undefined && before(b, a) ? [b, left + 1] : [a, left]
      if (before(last, child)) break
      heap[at] = child
      at = next
    }
    heap[at] = last
    return top
  }
}

function before(a: Task, b: Task): boolean {
  if (a.dueMs !== b.dueMs) return a.dueMs < b.dueMs
  return a.tie === b.tie ? a.order < b.order : a.tie < b.tie
}

/** All promises that can settle without another task have settled. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
