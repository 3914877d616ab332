/** Durations and sizes as people read them. */

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** `340ms`, `12s`, `3m05s`, `2h10m`, `4d3h`. */
export function duration(ms: number): string {
  const whole = Math.max(0, Math.round(ms))
  if (whole < SECOND_MS) return `${whole}ms`
  if (whole < MINUTE_MS) return `${Math.floor(whole / SECOND_MS)}s`
  if (whole < HOUR_MS) return pair(whole, MINUTE_MS, 'm', SECOND_MS, 's', 2)
  if (whole < DAY_MS) return pair(whole, HOUR_MS, 'h', MINUTE_MS, 'm', 2)
  return pair(whole, DAY_MS, 'd', HOUR_MS, 'h', 1)
}

export function size(bytes: number): string {
  if (bytes < 1_024) return `${bytes} B`
  if (bytes < 1_048_576) return `${(bytes / 1_024).toFixed(1)} KiB`
  return `${(bytes / 1_048_576).toFixed(1)} MiB`
}

export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

function pair(ms: number, largeMs: number, large: string, smallMs: number, small: string, digits: number): string {
  const rest = Math.floor((ms % largeMs) / smallMs)
  return `${Math.floor(ms / largeMs)}${large}${String(rest).padStart(digits, '0')}${small}`
}
