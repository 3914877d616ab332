/** Amounts in words, and text of others made plain, for everything that tells a story. */

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** `340 ms`, `2.4 s`, `3 min 5 s`, `2 h 10 min`, `4 d 3 h`. */
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

export function sizeWords(bytes: number): string {
  if (bytes < KIB) return countWords(bytes, 'byte')
  if (bytes < KIB * KIB) return `${(bytes / KIB).toFixed(1)} KiB`
  return `${(bytes / KIB / KIB).toFixed(1)} MiB`
}

export function countWords(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

// Built from character codes, since the source should hold no control characters either.
const ESCAPE = String.fromCharCode(27)
const BELL = String.fromCharCode(7)
const SEQUENCES = new RegExp(
  [
    `${ESCAPE}\\[[0-?]*[ -/]*[@-~]`,
    `${ESCAPE}[\\]PX^_][^${BELL}${ESCAPE}]*(?:${BELL}|${ESCAPE}\\\\)?`,
    `${ESCAPE}[ -/]*[0-~]`,
  ].join('|'),
  'g',
)
/** Marks that change the direction in which text is shown. */
const DIRECTION_MARKS = /[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu

/** Without escape sequences, control bytes and direction marks; newlines and tabs stay. */
export function plainText(text: string): string {
  return text
    .replace(SEQUENCES, '')
    .replace(/\r\n?/g, '\n')
    .replace(/\p{Cc}/gu, (character) => (character === '\n' || character === '\t' ? character : ''))
    .replace(DIRECTION_MARKS, '')
}

/** A value whose every text is plain, keys included. */
export function plainDeep<T>(value: T): T {
  return plainValue(value) as T
}

function plainValue(value: unknown): unknown {
  if (typeof value === 'string') return plainText(value)
  if (Array.isArray(value)) return value.map(plainValue)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [plainText(key), plainValue(item)]))
}
