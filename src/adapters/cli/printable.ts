/** Text of others made fit for a terminal: what they write must not move the cursor, hide text or change its order. */

const ESC = '\u001B'
const CSI = '\u009B'
const BELL = '\u0007'
/** Control sequences, titles and links up to their end, and what remains of others; text between them stays. */
const SEQUENCES = new RegExp(
  [
    `(?:${ESC}\\[|${CSI})[0-?]*[ -/]*[@-~]`,
    `${ESC}\\][^${BELL}${ESC}\\n]*(?:${BELL}|${ESC}\\\\)`,
    `${ESC}[ -/]*[0-Z\\\\^-~]`,
  ].join('|'),
  'gu',
)
/** Marks that change the direction in which text is shown. */
const DIRECTION_MARKS = /[\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu

/** Code units that one character may take before a text is cut without looking further. */
const CODE_UNITS_MAX = 16
const segmenter = new Intl.Segmenter()

/** Several lines: newlines and tabs stay, all other control bytes and escape sequences go. */
export function printable(text: string): string {
  const lines = text.replaceAll('\r\n', '\n').split(/(\n|\t)/)
  return lines.map((part) => (part === '\n' || part === '\t' ? part : withoutControls(part))).join('')
}

/** One line: every run of white space becomes one space. */
export function oneLine(text: string): string {
  return withoutControls(text.replace(/\s+/gu, ' ')).trim()
}

/** One line of at most so many characters, with an ellipsis where it was cut. */
export function clipped(text: string, charactersMax: number): string {
  const line = oneLine(text.slice(0, (charactersMax + 1) * CODE_UNITS_MAX))
  const characters = charactersOf(line)
  if (characters.length <= charactersMax) return line
  return `${characters.slice(0, Math.max(0, charactersMax - 1)).join('')}…`
}

/** What a reader sees as one character each. */
export function charactersOf(text: string): string[] {
  return Array.from(segmenter.segment(text), ({ segment }) => segment)
}

function withoutControls(text: string): string {
  return text
    .replace(SEQUENCES, '')
    .replace(/\p{Cc}/gu, '')
    .replace(DIRECTION_MARKS, '')
}
