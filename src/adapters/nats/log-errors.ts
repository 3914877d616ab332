/** What the NATS client throws, told apart by what it means for the log. */
import { errors } from '@nats-io/transport-node'
import { messageOf, SwarmError } from '../../runtime/errors.ts'
import { API_CODES, apiCodeOf } from './jetstream.ts'

/** 10071: the trail's version is not the expected one. */
export const WRONG_LAST_SEQUENCE = API_CODES.wrongLastSequence
/** 10164, on replicated streams: the server can't tell yet, because another append to this trail is still being replicated. */
export const APPEND_IN_FLIGHT = API_CODES.wrongLastSequenceUnknown
const MESSAGE_TOO_LARGE = 10054

/** A fault as `not_authorized`, `append_too_large` or `log_unreachable`; what did not come from NATS is returned as it is. */
export function asLogFault(error: unknown, stream: string): unknown {
  if (error instanceof SwarmError) return error
  if (permissionOf(error) !== null) return notAuthorized(error, stream)
  if (isTooLarge(error)) return tooLarge(error)
  const message = faultMessage(error, stream)
  return message === null ? error : unreachable(message, error)
}

export function unreachable(message: string, cause?: unknown): SwarmError {
  return new SwarmError('log_unreachable', message, { cause, retryable: true })
}

export function tooLarge(cause?: unknown): SwarmError {
  return new SwarmError(
    'append_too_large',
    'the event is larger than a message may be; large content belongs into artifacts',
    { cause },
  )
}

function faultMessage(error: unknown, stream: string): string | null {
  if (isNoResponders(error)) return `nobody answers for the stream ${stream}: it does not exist, or has no leader now`
  const code = apiCodeOf(error)
  if (code !== null) return `the server refuses work on the stream ${stream}: ${messageOf(error)} (${code})`
  if (error instanceof errors.TimeoutError) return `no answer in time from the stream ${stream}`
  const lost = [
    errors.RequestError,
    errors.ClosedConnectionError,
    errors.ConnectionError,
    errors.DrainingConnectionError,
  ]
  return lost.some((kind) => error instanceof kind) ? `the connection to the log is lost: ${messageOf(error)}` : null
}

function isNoResponders(error: unknown): boolean {
  // The JetStream client puts an error of its own around it, saying that JetStream is not enabled.
  if (error instanceof errors.NoRespondersError) return true
  return error instanceof Error && error.cause !== undefined && isNoResponders(error.cause)
}

function isTooLarge(error: unknown): boolean {
  // The client checks a message against the server's limit before it sends anything.
  return error instanceof errors.InvalidArgumentError || apiCodeOf(error) === MESSAGE_TOO_LARGE
}

function permissionOf(error: unknown): InstanceType<typeof errors.PermissionViolationError> | null {
  if (error instanceof errors.PermissionViolationError) return error
  return error instanceof Error && error.cause instanceof errors.PermissionViolationError ? error.cause : null
}

function notAuthorized(error: unknown, stream: string): SwarmError {
  const violation = permissionOf(error)
  const what = violation === null ? `the stream ${stream}` : `${violation.operation} on ${violation.subject}`
  return new SwarmError('not_authorized', `this user lacks the right to ${what}`, { cause: error })
}
