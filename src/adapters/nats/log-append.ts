/** One append: one publish under the trail's expected version, and the truth about it when the answer got lost. */
import { setTimeout as delay } from 'node:timers/promises'
import type { JetStreamClient } from '@nats-io/jetstream'
import { errors, headers, type MsgHdrs } from '@nats-io/transport-node'
import { EVENT_BYTES_MAX, type SwarmEvent } from '../../events/envelope.ts'
import type { Position, Version } from '../../events/ids.ts'
import { nounOf } from '../../events/session-events.ts'
import type { Names } from '../../events/subjects.ts'
import { isSwarmError, messageOf, SwarmError } from '../../runtime/errors.ts'
import type { NatsLink } from './connection.ts'
import { apiCodeOf, publisher } from './jetstream.ts'
import { APPEND_IN_FLIGHT, asLogFault, tooLarge, unreachable, WRONG_LAST_SEQUENCE } from './log-errors.ts'
import { connectedWithin, whileConnected } from './log-interrupt.ts'
import type { LogReader } from './log-reader.ts'
import type { ItemOf, Stored } from './stored.ts'

const publishMs = 5_000
const reconnectMs = 2_000
const settleWaitMs = 100
const settleTriesMax = 4
const inFlightWaitMs = 50
const inFlightTriesMax = 20

export type Append = (event: SwarmEvent, expected: Version) => Promise<Position>

/** The laws of `EventLog.append`. A call publishes once, and again only after a refusal that says to ask later. */
export function logAppender(link: NatsLink, names: Names, reader: LogReader, itemOf: ItemOf): Append {
  const js = publisher(link.nc, publishMs)
  return async (event, expected) => {
    const body = JSON.stringify(event)
    if (Buffer.byteLength(body) > EVENT_BYTES_MAX) throw tooLarge()
    if (!link.connected()) throw unreachable('there is no connection to the log; nothing was sent')
    const attempt = { names, reader, itemOf, event, expected }
    for (let tries = 1; ; tries++) {
      try {
        return await publish(link, await js(), attempt, body)
      } catch (error) {
        // Not written, and not decided either: a replicated stream says so while an append to the trail is being
        // replicated, and for a moment after it was acknowledged.
        const later = apiCodeOf(error) === APPEND_IN_FLIGHT && tries < inFlightTriesMax
        if (!later) return settle(link, attempt, error)
      }
      await delay(inFlightWaitMs)
    }
  }
}

type Attempt = { names: Names; reader: LogReader; itemOf: ItemOf; event: SwarmEvent; expected: Version }

async function publish(link: NatsLink, js: JetStreamClient, attempt: Attempt, body: string): Promise<Position> {
  const { names, event, expected } = attempt
  const subject = names.event(event.subject, nounOf(event.type))
  // The server does not check that the filter covers the subject: both are built here, side by side.
  const expect = { lastSubjectSequence: expected, lastSubjectSequenceSubject: names.trail(event.subject) }
  const options = { headers: headersOf(event), expect }
  return (await whileConnected(link, () => js.publish(subject, body, options))).seq
}

function headersOf(event: SwarmEvent): MsgHdrs {
  const result = headers()
  result.set('ce-specversion', event.specversion)
  result.set('ce-id', event.id)
  result.set('ce-type', event.type)
  result.set('ce-source', event.source)
  result.set('ce-subject', event.subject)
  result.set('ce-time', event.time)
  result.set('Content-Type', 'application/cloudevents+json')
  return result
}

/**
 * What became of an append that brought no position. A refusal may be the answer to a repetition, and after silence the
 * event may be stored or not: the trail's first event after the expected version tells, for ours can only be that one.
 */
async function settle(link: NatsLink, attempt: Attempt, cause: unknown): Promise<Position> {
  const code = apiCodeOf(cause)
  const undecided = code === WRONG_LAST_SEQUENCE || code === APPEND_IN_FLIGHT
  const fault = asLogFault(cause, attempt.names.stream)
  if (!undecided && (code !== null || !isSwarmError(fault, 'log_unreachable'))) throw fault
  try {
    const next = await nextOnTrail(link, attempt, code === WRONG_LAST_SEQUENCE ? 1 : settleTriesMax)
    if (next !== null && isOurs(next, attempt)) return next.position
    if (next !== null || code === WRONG_LAST_SEQUENCE) throw await wrongVersion(attempt)
  } catch (error) {
    if (!isSwarmError(error, 'log_unreachable')) throw error
  }
  throw outcomeUnknown(attempt, cause)
}

/** Null: nothing follows the expected version. Final after a refusal; after silence, a late append gets some time to show. */
async function nextOnTrail(link: NatsLink, attempt: Attempt, triesMax: number): Promise<Stored | null> {
  const { names, reader, event, expected } = attempt
  await connectedWithin(link, reconnectMs)
  for (let tries = 1; ; tries++) {
    const next = await reader.next(names.trail(event.subject), expected)
    if (next !== null || tries === triesMax) return next
    await delay(settleWaitMs)
  }
}

function isOurs(stored: Stored, { itemOf, event }: Attempt): boolean {
  const item = itemOf(stored)
  return item.kind === 'event' && item.event.id === event.id
}

async function wrongVersion({ names, reader, event, expected }: Attempt): Promise<SwarmError> {
  const actual = (await reader.last(names.trail(event.subject)))?.position ?? 0
  const message = `the trail of session ${event.subject} is at version ${actual}, not ${expected}`
  return new SwarmError('wrong_expected_version', message, { details: { sessionId: event.subject, expected, actual } })
}

function outcomeUnknown({ event, expected }: Attempt, cause: unknown): SwarmError {
  // A server whose disk is full answers reads but no writes, and says why in its own log only.
  const silent = cause instanceof errors.TimeoutError
  const why = silent ? 'the server did not answer in time; look at its log, its disk may be full' : messageOf(cause)
  const message = `can't tell whether event ${event.id} was appended to session ${event.subject}: ${why}`
  const details = { sessionId: event.subject, eventId: event.id, expected }
  return new SwarmError('append_outcome_unknown', message, { details, cause, retryable: true })
}
