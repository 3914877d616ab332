/** Errors as the command line tells them: one line on standard error, with `--json` also an object on standard output. */
import { messageOf } from '../../runtime/errors.ts'
import { statusOfCode } from './exit-status.ts'
import { oneLine } from './printable.ts'
import type { Terminal } from './terminal.ts'

/** A fault of the command itself, or a refusal that was returned as a value. */
export class CliError extends Error {
  readonly code: string
  readonly details: Readonly<Record<string, unknown>>
  constructor(code: string, message: string, details: Record<string, unknown> = {}) {
    super(message)
    this.name = 'CliError'
    this.code = code
    this.details = details
  }
}

/** What to do about it, where neither the message nor `details.advice` says so. */
const ADVICE: Readonly<Record<string, string>> = {
  append_outcome_unknown: 'look with swarmtrail ps whether it was written before trying again',
  log_unreachable: 'check that the server runs and that --nats or NATS_URL is right',
  not_authorized: 'check the credentials in --nats or NATS_URL, or --creds',
  session_exists: 'choose another --session-id, or none',
  session_not_found: 'swarmtrail ps lists the sessions of this namespace',
  server_too_old: 'use a newer nats-server',
}

/** Says what went wrong and returns the exit status for it. */
export async function reportError(terminal: Terminal, error: unknown): Promise<number> {
  const { code, message, details } = faultOf(error)
  const known = details['advice'] ?? ADVICE[code]
  const advice = typeof known === 'string' ? `; ${known}` : ''
  terminal.status(null)
  terminal.note(`error: ${code}: ${message}${advice}`)
  if (code === 'internal_error' && process.env['SWARMTRAIL_DEBUG'] === '1' && error instanceof Error)
    terminal.note(error.stack ?? '')
  if (terminal.json) await terminal.value({ error: { code, message, details } })
  return statusOfCode(code)
}

type Fault = { code: string; message: string; details: Readonly<Record<string, unknown>> }

function faultOf(error: unknown): Fault {
  const message = withoutCredentials(oneLine(messageOf(error)))
  if (!(error instanceof Error) || !('code' in error) || !isOurs(error))
    return { code: 'internal_error', message, details: {} }
  const details = 'details' in error ? (error.details as Fault['details']) : {}
  return { code: String(error.code), message, details }
}

/** Node's own errors carry codes too, but say nothing to a user. */
function isOurs(error: Error): boolean {
  return ['SwarmError', 'CliError', 'UnhandledEventError'].includes(error.name)
}

function withoutCredentials(text: string): string {
  return text.replace(/\/\/[^/@\s]+@/g, '//[redacted]@')
}
