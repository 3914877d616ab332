/**
 * How one recorded turn would have gone under other limits, as far as the record tells. The record holds when the
 * process printed, but drawn together to one note per second: of several chunks within a second only the last is known.
 */
import type { Limits } from '../../events/limits.ts'
import { durationWords } from '../../words/amounts.ts'

/** How far apart the notes of activity are at least; so far a silence may be shorter than it looks. */
export const ACTIVITY_UNCERTAINTY_MS = 1_000

export type RecordedTurn = {
  number: number
  /** Launch of the process, as near as the record tells. */
  launchedMs: number
  window_ms: number
  budget_ms: number
  activityMs: number[]
  /** Printed up to the last note. */
  printed: number
}
export type TurnEnd = {
  kind: 'exited' | 'stalled' | 'timed_out' | 'interrupted' | 'stopped'
  atMs: number
  /** Null: nobody saw it end. */
  durationMs: number | null
  lastActivityMs: number | null
  /** Printed in all; null: not known. */
  printed: number | null
}

/** What would have happened to the turn instead; null: what is recorded. */
export type Cut =
  | { kind: 'stalled'; atMs: number; inLastSilence: boolean }
  | { kind: 'timed_out'; atMs: number }
  | { kind: 'unknown'; atMs: number; why: string }

export function cutUnder(limits: Limits, turn: RecordedTurn, end: TurnEnd): Cut | null {
  const earliest = [budgetCut(limits, turn, end), stallCut(limits, turn, end)]
    .filter((cut) => cut !== null)
    .toSorted((a, b) => a.atMs - b.atMs)[0]
  return earliest ?? continuation(limits, turn, end)
}

/** A turn that was cut, and would not have been: nobody knows what it would have done. */
function continuation(limits: Limits, turn: RecordedTurn, end: TurnEnd): Cut | null {
  const name = `turn ${turn.number}`
  const unknown = (cause: string, allowed: string): Cut => ({
    kind: 'unknown',
    atMs: end.atMs,
    why: `${name} was ended ${cause} and would have had ${allowed}; what it would have done is not in the record`,
  })
  if (end.kind === 'stalled' && !watches(limits.stall_window_ms, turn.window_ms)) {
    const allowed = limits.stall_window_ms > 0 ? durationWords(limits.stall_window_ms) : 'no limit of silence'
    return unknown(`after ${durationWords(turn.window_ms)} of silence`, allowed)
  }
  if (end.kind === 'timed_out' && limits.turn_timeout_ms > turn.budget_ms)
    return unknown(`after ${durationWords(turn.budget_ms)}`, durationWords(limits.turn_timeout_ms))
  return null
}

/** Whether a window ends every silence that the recorded one ended. */
function watches(window: number, recorded: number): boolean {
  if (recorded <= 0) return true
  return window > 0 && window <= recorded
}

function budgetCut(limits: Limits, turn: RecordedTurn, end: TurnEnd): Cut | null {
  const budget = limits.turn_timeout_ms
  // A turn that kept a budget keeps every longer one, whatever the clocks of the record say.
  if (budget >= turn.budget_ms) return null
  const atMs = turn.launchedMs + budget
  const aliveMs = end.durationMs ?? (end.lastActivityMs ?? turn.launchedMs) - turn.launchedMs
  if (aliveMs > budget) return { kind: 'timed_out', atMs }
  if (end.durationMs !== null || end.atMs <= atMs) return null
  return {
    kind: 'unknown',
    atMs,
    why: `turn ${turn.number} was lost; whether it ran longer than ${durationWords(budget)} is not in the record`,
  }
}

function stallCut(limits: Limits, turn: RecordedTurn, end: TurnEnd): Cut | null {
  const window = limits.stall_window_ms
  if (window <= 0 || (turn.window_ms > 0 && window >= turn.window_ms)) return null
  const all = silences(turn, end)
  const index = all.findIndex(({ mostMs }) => mostMs > window)
  const silence = all[index]
  if (silence === undefined) return null
  const atMs = silence.fromMs + window
  if (silence.leastMs > window) return { kind: 'stalled', atMs, inLastSilence: index === all.length - 1 }
  const [least, most] = [durationWords(silence.leastMs), durationWords(silence.mostMs)]
  return {
    kind: 'unknown',
    atMs,
    why: `turn ${turn.number} was silent for ${least} to ${most}, which can't be held against ${durationWords(window)}: the record notes activity once a second`,
  }
}

type Silence = { fromMs: number; leastMs: number; mostMs: number }

function silences(turn: RecordedTurn, end: TurnEnd): Silence[] {
  const known = [...turn.activityMs]
  const last = known.at(-1) ?? turn.launchedMs
  if (end.lastActivityMs !== null && end.lastActivityMs > last) known.push(end.lastActivityMs)
  const between = known.map((atMs, index) => {
    const fromMs = known[index - 1] ?? turn.launchedMs
    return { fromMs, leastMs: Math.max(0, atMs - fromMs - ACTIVITY_UNCERTAINTY_MS), mostMs: atMs - fromMs }
  })
  return [...between, lastSilence(turn, end, known.at(-1) ?? turn.launchedMs)]
}

function lastSilence(turn: RecordedTurn, end: TurnEnd, fromMs: number): Silence {
  const mostMs = (end.durationMs === null ? end.atMs : turn.launchedMs + end.durationMs) - fromMs
  if (end.durationMs === null) return { fromMs, leastMs: 0, mostMs }
  // Whoever cut the turn knew its last activity; of an exit it is known only that nothing more was printed.
  const isExact = end.kind !== 'exited' || end.printed === turn.printed
  return { fromMs, leastMs: isExact ? mostMs : Math.max(0, mostMs - ACTIVITY_UNCERTAINTY_MS), mostMs }
}
