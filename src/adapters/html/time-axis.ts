/** Where the ticks of a time axis stand and what they say. */
import { durationWords } from '../../words/amounts.ts'

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** Distances that people count in. */
const STEPS_MS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND_MS),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE_MS),
  ...[1, 2, 3, 6, 12].map((n) => n * HOUR_MS),
  ...[1, 2, 7, 14, 28].map((n) => n * DAY_MS),
]
const TICKS_MAX = 7
/** Beyond this the chart is of no use, and the page would only grow. */
const ALL_TICKS_MAX = 1_000

export type Tick = { atMs: number; label: string }

/** Ticks from the start on, at most seven for each screen that the axis is wide. */
export function ticksOf(durationMs: number, screens: number): Tick[] {
  const count = Math.min(TICKS_MAX * screens, ALL_TICKS_MAX)
  const step = STEPS_MS.find((ms) => durationMs / ms <= count) ?? Math.ceil(durationMs / count / DAY_MS) * DAY_MS
  const ticks: Tick[] = []
  for (let atMs = 0; atMs <= durationMs; atMs += step)
    ticks.push({ atMs, label: atMs === 0 ? '0' : durationWords(atMs) })
  return ticks
}
