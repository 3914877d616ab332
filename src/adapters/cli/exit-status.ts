/** Exit statuses of the command line. */
import type { Outcome } from '../../events/terms.ts'

export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  blocked: 3,
  stopped: 4,
  notFound: 5,
  unreachable: 69,
  timedOut: 124,
} as const

const BY_OUTCOME: Record<Outcome, number> = {
  completed: EXIT.ok,
  failed: EXIT.failed,
  blocked: EXIT.blocked,
  stopped: EXIT.stopped,
}

const BY_CODE: Readonly<Record<string, number>> = {
  invalid_argument: EXIT.usage,
  not_unattended: EXIT.usage,
  unknown_view: EXIT.usage,
  session_not_found: EXIT.notFound,
  post_not_found: EXIT.notFound,
  turn_not_found: EXIT.notFound,
  document_not_found: EXIT.notFound,
  log_unreachable: EXIT.unreachable,
  append_outcome_unknown: EXIT.unreachable,
  server_not_found: EXIT.unreachable,
  server_too_old: EXIT.unreachable,
  wait_timeout: EXIT.timedOut,
}

/** A session without an outcome has not come to its end, which is no success. */
export function statusOfOutcome(outcome: Outcome | null): number {
  return outcome === null ? EXIT.failed : BY_OUTCOME[outcome]
}

export function statusOfCode(code: string): number {
  return BY_CODE[code] ?? (code.startsWith('workflow_') ? EXIT.usage : EXIT.failed)
}

/** What a shell reports for a process that a signal ended. */
export function statusOfSignal(signal: 'SIGINT' | 'SIGTERM'): number {
  return signal === 'SIGINT' ? 130 : 143
}
