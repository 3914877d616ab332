/** Refusals are values for programs; on the command line they end the command. */
import { countWords } from '../words/amounts.ts'
import { CliError } from '../adapters/cli/report-error.ts'

type Refused = Readonly<{ ok: false; code: string; message: string; phase?: string; command?: string }>

/** What the machine says of phases is not what a person asked. */
const WORDS: Readonly<Record<string, (sessionId: string, given: { phase?: string; command?: string }) => string>> = {
  not_accepted_in_phase: (sessionId, { phase, command = '' }) =>
    `${command.toLowerCase()} is not accepted while session ${JSON.stringify(sessionId)} is ${phase}; swarmtrail show tells how it stands`,
  session_exists: (sessionId) => `there is a session ${JSON.stringify(sessionId)} already`,
  session_not_found: (sessionId) => `no session ${JSON.stringify(sessionId)}`,
}

export function accepted<T extends Readonly<{ ok: true }> | Refused>(
  result: T,
  sessionId: string,
): Extract<T, Readonly<{ ok: true }>> {
  if (result.ok) return result as Extract<T, Readonly<{ ok: true }>>
  const { code, message, phase, command } = result
  const words = WORDS[code]?.(sessionId, { phase, command }) ?? message
  throw new CliError(code, words, phase === undefined ? {} : { session_id: sessionId, phase, command })
}

export function notFound(sessionId: string): CliError {
  return new CliError('session_not_found', `no session ${JSON.stringify(sessionId)}`, { session_id: sessionId })
}

export function turnNotFound(sessionId: string, turn: number, turns: number): CliError {
  return new CliError(
    'turn_not_found',
    `session ${JSON.stringify(sessionId)} has no turn ${turn}; it has begun ${countWords(turns, 'turn')}`,
    { session_id: sessionId, turn },
  )
}
