/** What the stop checks found about the last claim, and what can be said of it where a stop came in between. */
import type { RecordedEvent } from '../events/envelope.ts'
import type { CheckResult } from '../events/parts.ts'
import { ENDED_BY_STOP } from '../events/terms.ts'
import type { StoryVerification } from './story-document.ts'

/** A check that the session's stop cut off: it found nothing. */
export function isCutOff({ ok, timed_out, output }: CheckResult): boolean {
  return !ok && !timed_out && output === ENDED_BY_STOP
}

/** Why checks that ran while a stop was already asked for judge nothing. */
export function unjudgedWords(checks: readonly CheckResult[]): string {
  return checks.some(isCutOff)
    ? 'the checks were ended by the stop'
    : 'a stop was asked for before the checks had ended'
}

/**
 * The stop checks that judged the last claim; those of an earlier claim say nothing about a later one. A session that
 * was asked to stop before they ended goes by none of them.
 */
export function verificationIn(events: readonly RecordedEvent[]): StoryVerification {
  const at = events.findLastIndex(({ type }) => BOUNDS.has(type))
  const event = events[at]
  const judged = event?.type === 'checks.passed' || event?.type === 'checks.failed' ? event : null
  if (judged === null || judged.data.stage !== 'stop') return { verified: null, checks: [], position: null }
  const wasStopped = events.slice(0, at).some(({ type }) => type === 'stop.requested')
  const verified = wasStopped ? null : judged.type === 'checks.passed'
  return { verified, checks: judged.data.checks, position: judged.position }
}

/** With a new turn or after a resumption there is nothing judged again. */
const BOUNDS: ReadonlySet<string> = new Set(['turn.started', 'session.resumed', 'checks.passed', 'checks.failed'])
