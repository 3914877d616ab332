/** Amounts as people read them. */

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** `340 ms`, `2.4 s`, `3 min 5 s`, `2 h 10 min`, `4 d 3 h`; nothing negative. */
export function durationWords(ms: number): string {
  const whole = Math.max(0, Math.round(ms))
  if (whole < SECOND_MS) return `${whole} ms`
  if (whole < MINUTE_MS) return `${Number((whole / SECOND_MS).toFixed(1))} s`
  if (whole < HOUR_MS) return pair(whole, MINUTE_MS, 'min', SECOND_MS, 's')
  if (whole < DAY_MS) return pair(whole, HOUR_MS, 'h', MINUTE_MS, 'min')
  return pair(whole, DAY_MS, 'd', HOUR_MS, 'h')
}

function pair(ms: number, largeMs: number, large: string, smallMs: number, small: string): string {
  const rest = Math.floor((ms % largeMs) / smallMs)
  return `${Math.floor(ms / largeMs)} ${large}${rest === 0 ? '' : ` ${rest} ${small}`}`
}

const KIB = 1_024

/** `1023 bytes`, `1.5 KiB`, `2.0 MiB`. */
export function sizeWords(bytes: number): string {
  if (bytes < KIB) return countWords(bytes, 'byte')
  if (bytes < KIB * KIB) return `${(bytes / KIB).toFixed(1)} KiB`
  return `${(bytes / KIB / KIB).toFixed(1)} MiB`
}

/** `1 turn`, `2 turns`. */
export function countWords(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
