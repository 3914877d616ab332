import type { SessionId } from '../events/ids.ts'
import { contextOf, INITIAL_STATE, phaseOf, type Phase, type SessionState } from '../machines/decider.ts'
import type { DocumentOf } from '../projections/catalog.ts'
import { isSwarmError, messageOf } from './errors.ts'
import type { ClientPorts } from './ports.ts'
import { loadTrail, takeIn } from './trail.ts'
import { readView } from './views.ts'

/** How waiting ended. `timedOut`: no outcome is in the log yet, and the session goes on. */
export type WaitResult = {
  /** The outcome is `completed`. */
  ok: boolean
  timedOut: boolean
  session: DocumentOf<'registry'> | null
  phase: Phase | null
  error: { code: string; message: string } | null
}

/** Follows the trail until its outcome is in the log; a blocked session settles too. */
export async function waitForOutcome(
  ports: ClientPorts,
  sessionId: SessionId,
  { timeoutMs, signal }: { timeoutMs?: number | undefined; signal?: AbortSignal | undefined },
): Promise<WaitResult> {
  const life = new AbortController()
  const end = () => life.abort()
  signal?.addEventListener('abort', end)
  if (signal?.aborted) end()
  if (timeoutMs !== undefined) void ports.clock.sleep(timeoutMs, life.signal).then(end)
  try {
    const state = await follow(ports, sessionId, life.signal)
    if (state === INITIAL_STATE && signal?.aborted !== true) {
      return {
        ok: false,
        timedOut: false,
        session: null,
        phase: null,
        error: { code: 'session_not_found', message: `no session ${JSON.stringify(sessionId)}` },
      }
    }
    const session = (await readView(ports, 'registry', sessionId))?.document ?? null
    const { outcome } = contextOf(state)
    const phase = state === INITIAL_STATE ? null : phaseOf(state)
    return { ok: outcome === 'completed', timedOut: outcome === null, session, phase, error: null }
  } catch (error) {
    if (!isSwarmError(error, 'history_corrupt')) throw error
    return {
      ok: false,
      timedOut: false,
      session: null,
      phase: null,
      error: { code: error.code, message: messageOf(error) },
    }
  } finally {
    signal?.removeEventListener('abort', end)
    life.abort()
  }
}

async function follow(ports: ClientPorts, sessionId: SessionId, signal: AbortSignal): Promise<SessionState> {
  let state = INITIAL_STATE
  let caughtUp = false
  for await (const item of ports.log.subscribe({ after: 0, filter: { sessionId }, signal })) {
    if (item.kind === 'caught_up') caughtUp = true
    else state = takeIn(state, item).state
    if (caughtUp && (state === INITIAL_STATE || contextOf(state).outcome !== null)) return state
  }
  // However short the time was, what is there now counts.
  return caughtUp ? state : (await loadTrail(ports.log, sessionId)).state
}
