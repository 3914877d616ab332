/** What a tool was called with, for people: one line, clipped; the log has the whole. */
import type { ToolCall } from '../events/parts.ts'
import { plainText } from '../words/plain-text.ts'
import { clip } from './clip.ts'

const INPUT_CHARS_MAX = 200
/** Texts that are to be written: they say less about a call than where they go. */
const CONTENT_KEY = 'content'

/** `npm test`, `a.txt (start_line: 3)`, or compact JSON where there is neither command nor path; null for no input. */
export function inputWords(input: ToolCall['input']): string | null {
  if (Object.keys(input).length === 0) return null
  return clip(plainText(wordsOf(input)).replace(/\s+/gu, ' ').trim(), INPUT_CHARS_MAX)
}

function wordsOf(input: ToolCall['input']): string {
  const { command, path, ...others } = input
  if (typeof command === 'string') return withOthers(command, path === undefined ? others : { path, ...others })
  if (typeof path !== 'string') return JSON.stringify(input)
  return withOthers(path, command === undefined ? others : { command, ...others })
}

function withOthers(first: string, others: Readonly<Record<string, unknown>>): string {
  const told = Object.entries(others)
    .filter(([name]) => name !== CONTENT_KEY)
    .map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
  return told.length === 0 ? first : `${first} (${told.join(', ')})`
}
