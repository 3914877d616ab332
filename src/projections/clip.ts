/** Documents are bounded: long texts are clipped, the log and the artifacts keep the whole. */
import { cut } from '../events/recordable.ts'

/** The first `charsMax` UTF-16 units of a text at most, never half a character, marked when something was left out. */
export function clip(text: string, charsMax: number): string {
  if (text.length <= charsMax) return text
  return `${cut(text, charsMax - 1)}…`
}

/** The last `charsMax` UTF-16 units at most, in the same way. */
export function clipStart(text: string, charsMax: number): string {
  if (text.length <= charsMax) return text
  return `…${text.slice(text.length - charsMax + 1).replace(/^[\udc00-\udfff]/, '')}`
}

/** A JSON value as it is when it is small, else the beginning of its text. */
export function clipValue(value: unknown, charsMax: number): unknown {
  const text = JSON.stringify(value) ?? 'null'
  return text.length <= charsMax ? (value ?? null) : clip(typeof value === 'string' ? value : text, charsMax)
}
