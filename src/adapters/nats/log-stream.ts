/** The stream that holds a namespace's log. */
import { setTimeout as delay } from 'node:timers/promises'
import type { StreamConfig } from '@nats-io/jetstream'
import type { Names } from '../../events/subjects.ts'
import { isSwarmError, SwarmError } from '../../runtime/errors.ts'
import type { NatsLink } from './connection.ts'
import { apiCodeOf, manager } from './jetstream.ts'
import { asLogFault } from './log-errors.ts'
import { logReader } from './log-reader.ts'

const NAME_IN_USE = 10058
/** In a cluster it takes a moment until every server knows who answers for a new stream. */
const answerWaitMs = 50
const answerTriesMax = 40

/**
 * Makes the stream unless it is there. Users who may only read or append need no right to create streams once somebody
 * made it. Throws `not_authorized` when it is missing and this user may not make it, `log_unreachable`.
 */
export async function ensureLogStream(
  link: NatsLink,
  names: Names,
  options: { replicas?: number } = {},
): Promise<void> {
  if (await answers(link, names)) return
  try {
    const { streams } = await manager(link.nc)
    await streams.add(configOf(names, options.replicas ?? 1))
    for (let tries = 1; tries < answerTriesMax && !(await answers(link, names)); tries++) await delay(answerWaitMs)
  } catch (error) {
    // Somebody else made it just now with other settings, e.g. more replicas: it is there, which is all we want.
    if (apiCodeOf(error) === NAME_IN_USE && (await answers(link, names))) return
    const fault = asLogFault(error, names.stream)
    throw isSwarmError(fault, 'not_authorized') ? notMade(names, fault) : fault
  }
}

/** The credentials are good for the namespace, or nobody could have said that the stream does not answer. */
function notMade({ namespace, stream }: Names, cause: SwarmError): SwarmError {
  const advice = 'if there are none yet, make them as admin with swarmtrail server-config --create'
  return new SwarmError(
    'not_authorized',
    `nothing answers for the namespace ${namespace}, and this user may not make its streams`,
    { details: { stream, advice }, cause },
  )
}

/** A stream that allows direct reads answers to any reader; nobody answers for one that does not exist. */
async function answers(link: NatsLink, names: Names): Promise<boolean> {
  try {
    await logReader(link, names).first()
    return true
  } catch (error) {
    if (isSwarmError(error, 'log_unreachable') && link.connected()) return false
    throw error
  }
}

function configOf(names: Names, replicas: number): Partial<StreamConfig> & { name: string } {
  return {
    name: names.stream,
    subjects: [names.allEvents],
    storage: 'file',
    retention: 'limits',
    // Should an administrator ever set a limit: refuse what is new rather than forget what is old.
    discard: 'new',
    deny_delete: true,
    deny_purge: true,
    allow_direct: true,
    num_replicas: replicas,
    republish: { src: names.allEvents, dest: names.allLive },
  }
}
