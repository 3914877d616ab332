/** Not giving up while the log or a store can't be reached: the same append, read or effect again, ever more slowly. */
import type { SwarmEvent } from '../events/envelope.ts'
import type { Position, SessionId, Version } from '../events/ids.ts'
import type { EffectResult } from '../machines/commands.ts'
import type { Intent } from '../machines/intents.ts'
import type { EffectScope, Perform } from './effect-scope.ts'
import { isSwarmError, messageOf } from './errors.ts'
import type { Clock, EventLog, LogEvent, LogParked, Logger } from './ports.ts'

const RETRY_WAIT_MS_MIN = 50
const RETRY_WAIT_MS_MAX = 2_000

export type Persistence = { log: EventLog; clock: Clock; logger: Logger; sessionId: SessionId; life: AbortSignal }

/** Where the event lies now, or why it will not be there: another came first, the session is not ours, it is over 1 MiB. */
export type Appended = Position | 'conflict' | 'lost' | 'too_large'

/** Offers the same event until its fate is known: the log recognises it by its id. */
export async function appendSurely(
  { log, clock, logger, sessionId, life }: Persistence,
  event: SwarmEvent,
  expected: Version,
): Promise<Appended> {
  for (let waitMs = RETRY_WAIT_MS_MIN; ; waitMs = longer(waitMs)) {
    try {
      return await log.append(event, expected)
    } catch (error) {
      if (isSwarmError(error, 'wrong_expected_version')) return 'conflict'
      if (isSwarmError(error, 'append_too_large')) return 'too_large'
      if (!isSwarmError(error) || !error.retryable) throw error
      logger.warn('append is being retried', { session: sessionId, code: error.code, waitMs })
      await clock.sleep(waitMs, life)
      if (life.aborted) return 'lost'
    }
  }
}

/** What the trail holds after a version; nothing once the session is not ours any more. */
export async function readSurely(
  { log, clock, sessionId, life }: Persistence,
  after: Version,
): Promise<(LogEvent | LogParked)[]> {
  for (let waitMs = RETRY_WAIT_MS_MIN; !life.aborted; waitMs = longer(waitMs)) {
    try {
      return await log.read(sessionId, after)
    } catch (error) {
      if (!isSwarmError(error) || !error.retryable) throw error
      await clock.sleep(waitMs, life)
    }
  }
  return []
}

/** Performs an effect. A fault that passes is waited out; any other becomes a result of its own. */
export async function performSurely(
  { clock, logger, sessionId, life }: Persistence,
  perform: Perform,
  intent: Intent,
  scope: EffectScope,
): Promise<EffectResult | null> {
  for (let attempt = 1, waitMs = RETRY_WAIT_MS_MIN; ; attempt++, waitMs = longer(waitMs)) {
    try {
      return await perform(intent, attempt === 1 ? scope : { ...scope, recovered: true })
    } catch (error) {
      if (['lost', 'superseded', 'drain'].includes(String(scope.signal.reason))) return null
      const told = { session: sessionId, intent: intent.type, error: messageOf(error) }
      if (!isSwarmError(error) || !error.retryable) {
        logger.error('an effect failed', told)
        return { type: 'EFFECT_FAILED', intent: intent.type, error: messageOf(error) }
      }
      logger.warn('an effect is being retried', told)
      // Not cut short by the effect's own signal: once that has fired, this would go round without any wait.
      await clock.sleep(waitMs, life)
      if (life.aborted) return null
    }
  }
}

function longer(waitMs: number): number {
  return Math.min(waitMs * 2, RETRY_WAIT_MS_MAX)
}
