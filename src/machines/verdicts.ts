/** The ends a session can be heading for, in words. */
import type { ReasonCode } from '../events/parts.ts'
import { countWords } from '../words/amounts.ts'
import type { SessionContext, Verdict } from './context.ts'

export function failed(reason_code: ReasonCode, summary: string): Verdict {
  return { outcome: 'failed', reason_code, summary, verified: null }
}

export function blocked(reason_code: ReasonCode, summary: string): Verdict {
  return { outcome: 'blocked', reason_code, summary, verified: null }
}

export function stopped(context: SessionContext): Verdict {
  const { by, reason } = context.stop ?? { by: 'unknown', reason: null }
  return {
    outcome: 'stopped',
    reason_code: 'stop_requested',
    summary: `stopped by ${by}${reason ? `: ${reason}` : ''}`,
    verified: null,
  }
}

export function completed(context: SessionContext, verified: boolean | null): Verdict {
  const summary = context.continuity.at(-1)?.summary ?? 'done'
  return { outcome: 'completed', reason_code: 'done', summary, verified }
}

export function exhausted(context: SessionContext, data: { restart: number; restarts_max: number }): Verdict {
  return data.restart > data.restarts_max
    ? blocked(
        'stall_restart_exhausted',
        `cut short ${countWords(data.restart, 'time')} in a row, ${countWords(data.restarts_max, 'restart')} allowed`,
      )
    : failed('max_turns_exceeded', `the last of ${countWords(context.turnsStarted, 'turn')} was cut short`)
}
