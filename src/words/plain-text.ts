/** Text of others made fit to be shown: it must not move a cursor, hide anything or change the order of what is read. */

// Built from character codes, since the source should hold no control characters either.
const ESCAPE = String.fromCharCode(27)
const BELL = String.fromCharCode(7)
const CSI = String.fromCharCode(155)
/**
 * Control sequences, and strings such as titles and links up to their end. Of a string without an end only the beginning
 * is taken away: what follows was meant to be hidden.
 */
const SEQUENCES = new RegExp(
  [
    `(?:${ESCAPE}\\[|${CSI})[0-?]*[ -/]*[@-~]`,
    `${ESCAPE}[\\]PX^_][^${BELL}${ESCAPE}\\n]*(?:${BELL}|${ESCAPE}\\\\)`,
    `${ESCAPE}[ -/]*[0-~]`,
  ].join('|'),
  'gu',
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
