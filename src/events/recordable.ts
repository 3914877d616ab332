/** What an event can hold of what comes from outside: RFC 8785 knows no half characters and only finite numbers. */
import { canonicalJson } from './canonical-json.ts'

/** Levels of arrays and objects in a value from outside. What reads values is recursive. */
export const NESTING_MAX = 100

const LONE_SURROGATE = /\p{Surrogate}/gu
const REPLACEMENT = '\ufffd'

/** The first UTF-16 units of a text, `charsMax` at most, never half a character. */
export function cut(text: string, charsMax: number): string {
  if (text.length <= charsMax) return text
  return text.slice(0, charsMax).replace(/[\ud800-\udbff]$/, '')
}

/** Whether a value can be recorded as it is. */
export function isRecordable(value: unknown): boolean {
  if (isNestedTooDeep(value)) return false
  try {
    canonicalJson(value)
    return true
  } catch {
    return false
  }
}

/**
 * The value as JSON in UTF-8 has it: in place of half a character U+FFFD, as wherever text becomes bytes, and in place of
 * a number that is not finite null.
 */
export function recordable<T>(value: T): T {
  return repaired(value) as T
}

function repaired(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(LONE_SURROGATE, REPLACEMENT)
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (Array.isArray(value)) return value.map(repaired)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [repaired(key), repaired(item)]))
}

/** Without recursion, as it is asked about values that may be too deep for that. Also true of one that holds itself. */
export function isNestedTooDeep(value: unknown): boolean {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > NESTING_MAX) return true
    const next = level.flatMap((each) => (typeof each === 'object' && each !== null ? Object.values(each) : []))
    // What is there several times, as where something holds itself, is looked at once a level.
    level = [...new Set(next)]
  }
  return false
}
