/** The parts of an entry that several events tell alike: checks, cuts, verdicts, and what was printed. */
import type { CheckResult, Output } from '../events/parts.ts'
import type { EventData } from '../events/session-events.ts'
import { NO_USABLE_ANSWER } from '../events/turn-outcome.ts'
import type { Printed, Tone } from './story-document.ts'
import { isCutOff, unjudgedWords } from './verification.ts'
import { countWords, durationWords } from '../words/amounts.ts'

export type Told = {
  title: string
  tone?: Tone
  details?: (string | null | undefined)[]
  printed?: (Printed | null)[]
}

/** `stopAsked`: the session was asked to stop before the checks ended. */
export function checksTold({ stage, checks }: EventData<'checks.passed'>, stopAsked: boolean): Told {
  const cut = stopAsked ? checks.filter(isCutOff) : []
  const failed = checks.filter(({ ok }) => !ok).length
  const what = stage === 'stop' ? 'the claim was checked' : 'checks before the run'
  const whole = failed === 0 ? `${what}: all ${checks.length} passed` : `${what}: ${failed} of ${checks.length} failed`
  const broken = stage === 'stop' ? 'the claim was not checked' : 'checks before the run'
  return {
    title: cut.length === 0 ? whole : `${broken}: ${unjudgedWords(cut)}`,
    tone: cut.length > 0 ? 'warn' : failed === 0 ? 'good' : 'bad',
    details: checks.map((check) => checkTold(check, cut.includes(check))),
    printed: checks.filter((check) => !cut.includes(check)).map(({ name, output }) => printedText(name, output)),
  }
}

function checkTold({ name, ok, exit_code, timed_out, duration_ms }: CheckResult, isCut: boolean): string {
  const how = timed_out ? ', timed out' : exit_code === null ? '' : `, exit code ${exit_code}`
  const verdict = isCut ? 'ended by the stop' : ok ? 'passed' : 'FAILED'
  return `${verdict}: ${name}${how}, ${durationWords(duration_ms)}`
}

/** How the turn ended, for a title: without a usable answer its status is the runtime's word, not the executor's. */
export function answeredTold({ turn_number, status, outcome_reason }: EventData<'turn.completed'>): string {
  const answer = outcome_reason === NO_USABLE_ANSWER ? 'gave no usable answer' : `answered ${status}`
  return `turn ${turn_number} ${answer}`
}

export function concludedTold(outcome: string, data: EventData<'session.completed'>): Told {
  const verified =
    data.verified === true ? 'the stop checks passed' : data.verified === false ? 'the stop checks failed' : null
  return { title: `decided: ${outcome} (${data.reason_code})`, details: [data.summary, verified] }
}

type Cut = Pick<EventData<'turn.stopped'>, 'duration_ms' | 'last_activity' | 'stdout' | 'stderr'>

export function cutTold({ stdout, stderr }: Cut): Pick<Told, 'tone' | 'printed'> {
  return { tone: 'warn', printed: [printedOutput('standard output', stdout), printedOutput('standard error', stderr)] }
}

export function lastHeard({ duration_ms, last_activity }: Cut): string | null {
  const ran = duration_ms === undefined ? null : `ran for ${durationWords(duration_ms)}`
  return (
    [ran, last_activity === null ? null : `last heard of at ${last_activity}`]
      .filter((part) => part !== null)
      .join(', ') || null
  )
}

type Restart = Pick<EventData<'turn.stalled'>, 'restart' | 'restarts_max' | 'backoff_ms'>

export function restartOf({ restart, restarts_max, backoff_ms }: Restart): string {
  return backoff_ms === null
    ? `cut short ${countWords(restart, 'time')} in a row, ${countWords(restarts_max, 'restart')} allowed: no further turn`
    : `restart ${restart} of ${restarts_max} after a wait of ${durationWords(backoff_ms)}`
}

export function exitOf({ exit_code, signal }: EventData<'turn.exited'>): string {
  if (exit_code !== null) return `exited with ${exit_code}`
  return signal === null ? 'ended without an exit code' : `was ended by ${signal}`
}

export function printedOutput(label: string, output: Output | undefined): Printed | null {
  if (output === undefined || output.bytes === 0) return null
  return { label, text: output.tail, bytes: output.bytes, clipped: output.clipped, artifact: output.artifact }
}

export function printedText(label: string, text: string): Printed | null {
  return text.trim() === '' ? null : { label, text, bytes: text.length, clipped: false, artifact: null }
}

export function jsonText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value, null, 2) ?? '')
}

export function named(name: string, value: string | null | undefined): string | null {
  return value === null || value === undefined || value === '' ? null : `${name}: ${value}`
}

export function pairs(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ')
}
