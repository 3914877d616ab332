/** What a session's trail says beyond its registry record. */
import type { SessionFacts } from '../adapters/cli/session-text.ts'
import type { ConnectedSwarm } from '../connect.ts'
import type { SwarmEvent } from '../events/envelope.ts'
import type { SessionId } from '../events/ids.ts'

/** The trail's events in order; parked messages are left out. Empty for an unknown session. */
export async function trailOf(swarm: ConnectedSwarm, sessionId: SessionId): Promise<SwarmEvent[]> {
  const items = await swarm.ports.log.read(sessionId)
  return items.flatMap((item) => (item.kind === 'event' ? [item.event] : []))
}

export async function factsOf(swarm: ConnectedSwarm, sessionId: SessionId): Promise<SessionFacts> {
  const facts: SessionFacts = { capture: null, stopChecks: null }
  for (const event of await trailOf(swarm, sessionId)) {
    if (event.type === 'workspace.captured') facts.capture = event.data
    if (event.type === 'turn.started' || event.type === 'session.resumed') facts.stopChecks = null
    if ((event.type === 'checks.passed' || event.type === 'checks.failed') && event.data.stage === 'stop')
      facts.stopChecks = event.data.checks
  }
  return facts
}
