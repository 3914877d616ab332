/** Whether and how a runner may claim a session: decided on the whole trail, under a lease that is certain. */
import type { SwarmEvent } from '../events/envelope.ts'
import type { SessionId } from '../events/ids.ts'
import { contextOf, decide, phaseOf, type SessionState } from '../machines/decider.ts'
import { Leftovers } from './leftovers.ts'
import type { LeaseHolder, RunnerPorts } from './ports.ts'
import { loadTrail, nextEvent, type Author } from './trail.ts'

/** The event to append on the state it was decided on; `closed`: nothing to do any more; `not_ours`: left to others. */
export type Claim = { event: SwarmEvent; state: SessionState } | 'closed' | 'not_ours'

/**
 * What earlier owners left running on this host is ended first. `sure` tells whether the lease is still certain after
 * all that: it may have taken longer than the lease lasts. Throws `history_corrupt`, `log_unreachable`.
 */
export async function decideClaim(
  { log, clock, host, shell }: RunnerPorts,
  author: Author,
  holder: LeaseHolder,
  sessionId: SessionId,
  sure: () => Promise<boolean>,
): Promise<Claim> {
  const leftovers = new Leftovers()
  const { state } = await loadTrail(log, sessionId, (before, item) => leftovers.look(before, item))
  for (const leftover of leftovers.on(host.name, state)) await shell.reap(leftover)
  if (!(await sure())) return 'not_ours'
  const at = clock.now()
  const epoch = (contextOf(state).claim?.epoch ?? 0) + 1
  const { runnerId: runner_id, host: hostName, pid } = holder
  const decision = decide(state, { type: 'CLAIM', at, runner_id, epoch, host: hostName, pid })
  if (!decision.ok) return phaseOf(state) === 'closed' ? 'closed' : 'not_ours'
  return { event: nextEvent(state, decision.fact, sessionId, author, { at }), state }
}
