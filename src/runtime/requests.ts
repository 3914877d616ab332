/** What coordinators ask for: checked, decided on and written. Refusals are values. */
import { describe } from '../events/catalog.ts'
import { EVENT_BYTES_MAX } from '../events/envelope.ts'
import type { Position, SessionId } from '../events/ids.ts'
import { startInputSchema, type StartInput } from '../events/start-input.ts'
import type { CoordinatorCommand } from '../machines/commands.ts'
import type { Refusal } from '../machines/decider.ts'
import { check, object, sessionId as aSessionId } from './arguments.ts'
import { handleCommand } from './command-handler.ts'
import { isSwarmError } from './errors.ts'
import type { ClientPorts } from './ports.ts'
import type { Author } from './trail.ts'

/** What `start` takes: everything but the task has a default. */
export type StartRequest = Partial<Omit<StartInput, 'task'>> & { task: string }
/** Something given is not what it has to be; the message names it. Nothing was written. */
export type InvalidArgument = Readonly<{ ok: false; code: 'invalid_argument'; message: string }>
/** The position of the event that was written, or why none was. */
export type CommandResult = Readonly<{ ok: true; position: Position }> | Refusal | InvalidArgument
/** The new session, or why there is none. */
export type StartResult =
  | Readonly<{ ok: true; sessionId: SessionId; position: Position }>
  | ((Refusal | InvalidArgument) & { sessionId?: undefined })

export async function requestStart(ports: ClientPorts, author: Author, request: StartRequest): Promise<StartResult> {
  if (!object.fits(request)) return invalid('the request: expected an object with the key task')
  const given = Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined && value !== null))
  for (const name of ['labels', 'context'])
    if (object.fits(given[name]) && Object.hasOwn(Object(given[name]), '__proto__'))
      return invalid(`${name}: __proto__ is no name that can be kept`)
  const parsed = startInputSchema.safeParse({ session_id: ports.ids.next(), ...given })
  if (!parsed.success) return invalid(describe(parsed.error.issues))
  const sessionId = parsed.data.session_id
  const result = await requestCommand(ports, author, sessionId, () => ({ type: 'START', input: parsed.data }))
  return result.ok ? { ok: true, sessionId, position: result.position } : result
}

/** Nothing is written, and no trail read, before what the body is made of has been checked. */
export async function requestCommand(
  ports: ClientPorts,
  author: Author,
  sessionId: SessionId,
  bodyOf: () => CoordinatorCommand,
): Promise<CommandResult> {
  try {
    check('session_id', sessionId, aSessionId)
    const result = await handleCommand(ports, author, sessionId, bodyOf())
    return result.ok ? { ok: true, position: result.position } : result
  } catch (error) {
    if (isSwarmError(error, 'invalid_argument')) return invalid(error.message)
    if (!isSwarmError(error, 'append_too_large')) throw error
    return invalid(`the request is too large: all of it has to fit into one event of ${EVENT_BYTES_MAX} bytes`)
  }
}

function invalid(message: string): InvalidArgument {
  return { ok: false, code: 'invalid_argument', message }
}
