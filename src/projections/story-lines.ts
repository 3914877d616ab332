/** The story as lines of plain text, for a terminal. */
import { clip } from './clip.ts'
import type { Printed, Story, StoryEntry } from './story-document.ts'
import { unjudgedWords } from './verification.ts'
import { countWords, durationWords, sizeWords } from '../words/amounts.ts'

const PRINTED_LINES_MAX = 12
const LINE_CHARS_MAX = 400

/** Who asked, what was claimed and what was verified first; then everything in order. */
export function storyLines(story: Story): string[] {
  return [...headLines(story), '', ...story.entries.flatMap(entryLines), '', ...footLines(story)]
}

function headLines(story: Story): string[] {
  const { asked, ran, outcome, changed } = story
  return [
    ...field('session', story.session_id),
    ...field('outcome', outcome === null ? 'none yet' : `${outcome.outcome} (${outcome.reason_code})`),
    ...field('task', asked.task),
    ...field('asked by', `${asked.by} at ${asked.time}`),
    ...field('claimed', claimWords(story)),
    ...field('verified', verifiedWords(story)),
    ...field('changed', changed === null ? 'nothing captured' : countWords(changed.files.length, 'file')),
    ...field('took', tookWords(story)),
    ...(ran === null ? [] : field('command', ran.command)),
  ]
}

export function claimWords({ claimed }: Story): string {
  return claimed === null ? 'nothing' : `${claimed.status} in turn ${claimed.turn_number}: ${claimed.summary}`
}

export function verifiedWords({ verified, ran }: Story): string {
  const names = verified.checks.map(({ name, ok }) => `${name} ${ok ? 'passed' : 'FAILED'}`).join(', ')
  if (verified.verified === true) return `yes, by ${names}`
  if (verified.verified === false) return `NO: ${names}`
  if (verified.checks.length > 0) return `no, ${unjudgedWords(verified.checks)}`
  return ran !== null && ran.stop_checks === 0
    ? 'no, the workflow has no stop checks'
    : 'no, no stop check judged the last turn'
}

export function tookWords(story: Story): string {
  const working = `an executor worked for ${durationWords(story.working_ms)}`
  return `${durationWords(story.duration_ms)} in all, ${working} in ${countWords(story.turns, 'turn')}`
}

function entryLines(entry: StoryEntry): string[] {
  const sign = { plain: ' ', good: '+', warn: '!', bad: 'x' }[entry.tone]
  const [first = '', ...more] = rows(entry.title)
  return [
    `${offset(entry.at_ms)} ${sign} ${first}`,
    ...[...more, ...entry.details.flatMap(rows)].map((line) => `${INDENT}${line}`),
    ...entry.printed.flatMap(printedLines),
  ]
}

const OFFSET_WIDTH = 12
const INDENT = ' '.repeat(OFFSET_WIDTH + 3)

function offset(ms: number): string {
  return `+${durationWords(ms)}`.padStart(OFFSET_WIDTH)
}

function printedLines({ label, text, bytes, clipped, artifact }: Printed): string[] {
  const all = text.replace(/\n+$/, '').split('\n')
  const shown = all.slice(-PRINTED_LINES_MAX)
  const left = clipped || shown.length < all.length
  const whole = artifact === null ? '' : `, sha256 ${artifact.sha256.slice(0, 12)}`
  return [
    `${INDENT}${label}: ${sizeWords(bytes)}${whole}${left ? ', the end of it' : ''}`,
    ...shown.map((line) => `${INDENT}| ${short(line)}`),
  ]
}

function footLines({ events, first_position, last_position, head_hash }: Story): string[] {
  return [`${countWords(events, 'event')} from position ${first_position} to ${last_position}, head hash ${head_hash}`]
}

function field(name: string, value: string): string[] {
  const [first = '', ...more] = rows(value)
  return [`${name.padEnd(9)} ${first}`, ...more.map((line) => `${' '.repeat(10)}${line}`)]
}

function rows(text: string): string[] {
  return text.split('\n').map(short)
}

function short(line: string): string {
  return clip(line, LINE_CHARS_MAX)
}
