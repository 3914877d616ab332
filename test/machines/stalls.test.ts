import { describe, expect, it } from 'vitest'
import type { SessionFact } from '../../src/events/session-events.ts'
import { toTimestamp } from '../../src/events/timestamp.ts'
import type { Front } from '../support/facts.ts'
import { a, prepared, responseOf, T0, toRunning } from '../support/facts.ts'
import { given, timeOf } from '../support/given.ts'

const STALLED = { type: 'TURN_STALLED', last_activity: T0 } as const
const limits = (liveness: Front['liveness'], max_turns = 20): Front => ({ liveness, executor: { max_turns } })

/** A running turn after n turns in a row that stalled and were started again. */
function afterStalls(count: number, front: Front): SessionFact[] {
  const restarts = Array.from({ length: count }, (_, index) => [
    a.stalled(index + 1, { restart: index + 1 }),
    a.turnStarted(index + 2, 'stall_restart'),
  ])
  return [...toRunning(front), ...restarts.flat()]
}

/** The waits that are decided for stalls in a row, null where there is none. */
function waitsOf(front: Front, count: number): (number | null)[] {
  return Array.from({ length: count }, (_, index) => {
    const { state } = given(afterStalls(index, front))
      .when(STALLED)
      .thenEmits('turn.stalled', { restart: index + 1 })
    const { dueAt } = state.context
    return dueAt === null ? null : Date.parse(dueAt) - timeOf(5 + index * 2)
  })
}

describe('a stall', () => {
  it('is recorded with its window, the last activity and when the next turn may start', () => {
    const due_at = toTimestamp(timeOf(5) + 1_000)
    given(toRunning())
      .when(STALLED)
      .thenEmits('turn.stalled', {
        turn_number: 1,
        stall_window_ms: 120_000,
        last_activity: T0,
        restart: 1,
        restarts_max: 2,
        backoff_ms: 1_000,
        due_at,
      })
      .thenPhase('stalled', 'stalled.waiting')
      .thenPending(['prepareTurn'], { turn_number: 2, kind: 'stall_restart', due_at })
      .thenContext({ stall: { turn_number: 1, reason: 'stalled', last_activity: T0, restart: 1, restarts_max: 2 } })
  })

  it('leads to a turn that is told of it, and a turn that succeeds resets the count', () => {
    given(toRunning(), a.stalled())
      .when({ type: 'TURN_PREPARED', ...prepared })
      .thenEmits('turn.started', { turn_number: 2, kind: 'stall_restart', task: 'mend the gate' })
      .thenPhase('executing', 'executing.running')
      .and(a.exited(2, responseOf('continue')), a.completed(2, 'continue'))
      .thenContext({ consecutiveRestarts: 0, stall: null, dueAt: null })
      .and(a.turnStarted(3, 'continuation'))
      .when(STALLED)
      .thenEmits('turn.stalled', { restart: 1 })
  })

  it('more often in a row than allowed blocks the session', () => {
    given(afterStalls(2, {}))
      .when(STALLED)
      .thenEmits('turn.stalled', { restart: 3, restarts_max: 2, backoff_ms: null, due_at: null })
      .thenPhase('stalled', 'stalled.concluding')
      .when({ type: 'CONCLUDE' })
      .thenEmits('session.blocked', { reason_code: 'stall_restart_exhausted' })
      .thenPhase('cleanup', 'cleanup.capturing')
  })

  it('of the last turn fails the session though restarts are left', () => {
    given(toRunning(limits({}, 1)))
      .when(STALLED)
      .thenEmits('turn.stalled', { restart: 1, restarts_max: 2, due_at: null })
      .when({ type: 'CONCLUDE' })
      .thenEmits('session.failed', { reason_code: 'max_turns_exceeded' })
  })

  it('blocks at once when no restart is allowed', () => {
    given(toRunning(limits({ max_stall_restarts: 0 })))
      .when(STALLED)
      .thenEmits('turn.stalled', { due_at: null })
      .when({ type: 'CONCLUDE' })
      .thenEmits('session.blocked', { reason_code: 'stall_restart_exhausted' })
  })

  it('can end in a template that does not render, and in a fault of the runner', () => {
    given(toRunning(), a.stalled())
      .when({ type: 'TURN_UNPREPARABLE', reason_code: 'template_error', summary: 'unknown filter' })
      .thenEmits('session.failed', { reason_code: 'template_error' })
    given(toRunning(), a.stalled())
      .when({ type: 'EFFECT_FAILED', intent: 'prepareTurn', error: 'EIO' })
      .thenEmits('session.failed', { reason_code: 'runner_error' })
  })
})

describe('the wait before a restart', () => {
  it('doubles with each stall in a row', () => {
    const front = limits({ max_stall_restarts: 5, initial_backoff_ms: 1_000, max_retry_backoff_ms: 60_000 })
    expect(waitsOf(front, 6)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, null])
  })

  it('is bounded by max_retry_backoff_ms', () => {
    const front = limits({ max_stall_restarts: 5, initial_backoff_ms: 1_000, max_retry_backoff_ms: 3_000 })
    expect(waitsOf(front, 4)).toEqual([1_000, 2_000, 3_000, 3_000])
  })

  it('is bounded by the stall window', () => {
    const front = limits({ max_stall_restarts: 5, initial_backoff_ms: 1_000, stall_window_ms: 2_500 })
    expect(waitsOf(front, 3)).toEqual([1_000, 2_000, 2_500])
  })

  it.each([0, -1])('is not bounded by a window that is off (%i): interrupted turns wait too', (stall_window_ms) => {
    const front = limits({ max_stall_restarts: 5, initial_backoff_ms: 1_000, stall_window_ms })
    expect(waitsOf(front, 3)).toEqual([1_000, 2_000, 4_000])
  })

  it('may be nothing', () => {
    expect(waitsOf(limits({ max_stall_restarts: 2, initial_backoff_ms: 0 }), 3)).toEqual([0, 0, null])
  })

  it.each([
    ['frontier', [1_000, 2_000, null]],
    ['large_local', [2_000, 4_000, 8_000, null]],
    ['small_local', [2_000, 4_000, 8_000, null]],
  ] as const)('follows the model class %s by default', (model, waits) => {
    expect(waitsOf({ model: { class: model }, executor: { max_turns: 20 } }, waits.length)).toEqual(waits)
  })
})
