/**
 * Infrastructure faults: thrown, with a literal `code`, readonly `details`, a `cause` and whether trying again can help.
 * Refusals of a command are not errors but values (see machines/decider.ts). Tell errors apart by `code`, never by class.
 */
export type ErrorCode =
  | 'append_outcome_unknown'
  | 'append_too_large'
  | 'artifact_missing'
  | 'capture_failed'
  | 'cleanup_failed'
  | 'event_schema'
  | 'history_corrupt'
  | 'invalid_argument'
  | 'lease_lost'
  | 'log_unreachable'
  | 'not_authorized'
  | 'not_unattended'
  | 'post_not_found'
  | 'runner_error'
  | 'server_not_found'
  | 'server_too_old'
  | 'session_exists'
  | 'session_not_found'
  | 'template_error'
  | 'unhandled_event'
  | 'unknown_event_type'
  | 'unknown_view'
  | 'view_lost'
  | 'workflow_invalid'
  | 'workflow_missing'
  | 'workflow_not_a_map'
  | 'workflow_unclosed'
  | 'workflow_unreadable'
  | 'workflow_yaml'
  | 'workspace_failed'
  | 'wrong_expected_version'
  | 'nothing_captured'
  | 'apply_failed'
  | 'import_refused'

/** An infrastructure fault: see `ErrorCode`. `retryable`: the same call may succeed later. */
export class SwarmError extends Error {
  readonly code: ErrorCode
  readonly details: Readonly<Record<string, unknown>>
  readonly retryable: boolean

  constructor(
    code: ErrorCode,
    message: string,
    options: { details?: Record<string, unknown>; cause?: unknown; retryable?: boolean } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'SwarmError'
    this.code = code
    this.details = options.details ?? {}
    this.retryable = options.retryable ?? false
  }
}

/** Nobody has asked for this session, or not yet at the place that is looked at. */
export function sessionNotFound(sessionId: string, where = ''): SwarmError {
  return new SwarmError('session_not_found', `no session ${JSON.stringify(sessionId)}${where}`, {
    details: { session_id: sessionId },
  })
}

/** Whether what was thrown is one of ours, and of this code where one is given. */
export function isSwarmError(error: unknown, code?: ErrorCode): error is SwarmError {
  return (
    error instanceof Error && error.name === 'SwarmError' && (code === undefined || (error as SwarmError).code === code)
  )
}

/** One line about anything that was thrown. */
export function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\s*\n\s*/g, ' ')
}
