import { describe, it } from 'vitest'
import { toTimestamp } from '../../src/events/timestamp.ts'
import type { Front } from '../support/facts.ts'
import { a, checkOf, prepared, T0, toPreparing, toSettled } from '../support/facts.ts'
import { given, timeOf } from '../support/given.ts'

const hold: Front = { blocked: { hold_ms: 60_000 } }
const blocked = [...toSettled('blocked', hold), a.sessionBlocked('executor_blocked', 60_000)]
const RESUME = { type: 'RESUME', by: 'ann', guidance: 'the key is under the mat' } as const

describe('a blocked session', () => {
  it('without a hold goes to cleanup at once', () => {
    given(toSettled('blocked'))
      .when({ type: 'CONCLUDE' })
      .thenEmits('session.blocked', { hold_ms: 0, hold_until: null })
      .thenPhase('cleanup', 'cleanup.capturing')
      .when(RESUME)
      .thenRefused()
  })

  it('with a hold keeps its workspace and waits until the time that is in its event', () => {
    const due_at = toTimestamp(timeOf(7) + 60_000)
    given(toSettled('blocked', hold))
      .when({ type: 'CONCLUDE' })
      .thenEmits('session.blocked', { hold_ms: 60_000, hold_until: due_at })
      .thenPhase('blocked', 'blocked.holding')
      .thenPending(['endHold'], { due_at })
      .thenContext({ outcome: 'blocked', reasonCode: 'executor_blocked' })
  })

  it('goes on with the guidance in its next turn', () => {
    given(blocked)
      .when(RESUME)
      .thenEmits('resume.requested', { by: 'ann', guidance: 'the key is under the mat' })
      .thenPhase('blocked', 'blocked.resuming')
      .thenPending(['resumeSession'])
      .when(RESUME)
      .thenRefused()
      .when({ type: 'RESUME_SESSION' })
      .thenEmits('session.resumed', { guidance: 'the key is under the mat' })
      .thenPhase('executing', 'executing.preparing')
      .thenPending(['prepareTurn'], { turn_number: 2, kind: 'continuation', due_at: null })
      .thenContext({ guidance: 'the key is under the mat', outcome: null, reasonCode: null, holdUntil: null })
      .when({ type: 'TURN_PREPARED', ...prepared })
      .thenEmits('turn.started', { turn_number: 2 })
  })

  it('goes to cleanup when nobody resumed it in time', () => {
    given(blocked)
      .when({ type: 'END_HOLD', by: 'runner r1' })
      .thenEmits('stop.requested', { by: 'runner r1', reason: 'nobody resumed it within 60000 ms' })
      .thenPhase('cleanup', 'cleanup.capturing')
      .thenContext({ outcome: 'blocked' })
      .when(RESUME)
      .thenRefused()
  })

  it('is not held when no turn is left to go on with', () => {
    given(toSettled('blocked', { ...hold, executor: { max_turns: 1 } }))
      .when({ type: 'CONCLUDE' })
      .thenEmits('session.blocked', { hold_ms: 60_000, hold_until: null })
      .thenPhase('cleanup', 'cleanup.capturing')
  })

  it('may block again, and then has one more outcome', () => {
    given(blocked, a.resume(), a.resumed(), a.turnStarted(2, 'continuation'), a.stalled(2), a.turnStarted(3))
      .thenContext({ consecutiveRestarts: 1 })
      .and(a.stalled(3, { restart: 2 }), a.turnStarted(4), a.stalled(4, { restart: 3, backoff_ms: null }))
      .when({ type: 'CONCLUDE' })
      .thenEmits('session.blocked', { reason_code: 'stall_restart_exhausted' })
      .thenPhase('blocked', 'blocked.holding')
      .and(a.resume(), a.resumed())
      .thenContext({
        consecutiveRestarts: 0,
        // What blocked it is told to the turn that goes on.
        stall: { turn_number: 4, reason: 'stalled', last_activity: T0, restart: 3, restarts_max: 2 },
        dueAt: null,
      })
  })
})

describe('a session blocked before its run', () => {
  const front: Front = { ...hold, autonomy: { before_run: ['a'] }, hooks: { before_run: 'x' } }
  const checks = (ok: boolean) => ({
    type: 'CHECKS_FINISHED' as const,
    stage: 'before_run' as const,
    checks: [checkOf('a', ok)],
  })
  const resumed = given(toPreparing(front), a.checksFailed('before_run'), a.sessionBlocked('preflight_blocked', 60_000))
    .thenPhase('blocked', 'blocked.holding')
    .and(a.resume(), a.resumed())

  it('runs its checks again when resumed, and goes on when they pass', () => {
    resumed
      .thenPhase('preflight', 'preflight.checking')
      .thenPending(['runChecks'], { stage: 'before_run' })
      .when(checks(true))
      .thenEmits('checks.passed')
      .thenPending(['runHook'], { hook: 'before_run' })
      .and(a.hook('before_run'))
      .thenPending(['prepareTurn'], { turn_number: 1, kind: 'first' })
      .thenContext({ guidance: 'try the other key', failedChecks: [] })
  })

  it('blocks again when they still fail', () => {
    resumed
      .when(checks(false))
      .thenEmits('checks.failed')
      .when({ type: 'CONCLUDE' })
      .thenEmits('session.blocked', { reason_code: 'preflight_blocked' })
      .thenPhase('blocked', 'blocked.holding')
  })
})
