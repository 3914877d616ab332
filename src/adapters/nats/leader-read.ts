/**
 * Reads that a stream's leader answers, for where a replica may lag. Users of roles have an account of their own, in
 * which the usual subject would be answered by every server for that account: they ask under a prefix of ours.
 */
import type { StoredMsg } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { isSwarmError } from '../../runtime/errors.ts'
import { manager } from './jetstream.ts'
import { asLogFault } from './log-errors.ts'

const USUAL_PREFIX = '$JS.API'
/** Stands for the usual prefix in the accounts of roles. */
export const ROLE_PREFIX = '$JS.swarm.API'

/** What the server has as a query of one message; the client's type lacks the first form. */
type Query = { seq: number; next_by_subj: string } | { last_by_subj: string }

const prefixes = new WeakMap<NatsConnection, string>()

/** Null when there is no such message. Throws what the client throws, or `not_authorized`. */
export async function readFromLeader(
  nc: NatsConnection,
  stream: string,
  query: Query,
  timeoutMs: number,
): Promise<StoredMsg | null> {
  const ask = async (apiPrefix: string) => {
    const { streams } = await manager(nc, { timeout: timeoutMs, apiPrefix })
    return streams.getMessage(stream, query)
  }
  try {
    return await ask(prefixes.get(nc) ?? USUAL_PREFIX)
  } catch (error) {
    if (prefixes.has(nc) || !isSwarmError(asLogFault(error, stream), 'not_authorized')) throw error
    const found = await ask(ROLE_PREFIX)
    prefixes.set(nc, ROLE_PREFIX)
    return found
  }
}
