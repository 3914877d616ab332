/** Text of others on one line of a terminal. */
import { plainText } from '../../words/plain-text.ts'

/** Code units that one character may take before a text is cut without looking further. */
const CODE_UNITS_MAX = 16
const PLAIN_TEXT = /^[ -~]*$/
/** Made when it is needed: it loads tables of its own. */
let segmenter: Intl.Segmenter | undefined

/** One line without control bytes: every run of white space becomes one space. */
export function oneLine(text: string): string {
  return plainText(text).replace(/\s+/gu, ' ').trim()
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
  if (PLAIN_TEXT.test(text)) return text.split('')
  segmenter ??= new Intl.Segmenter()
  return Array.from(segmenter.segment(text), ({ segment }) => segment)
}
