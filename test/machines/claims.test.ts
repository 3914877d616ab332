import { describe, it } from 'vitest'
import { a, prepared, responseOf, T0, toPreparing, toRunning } from '../support/facts.ts'
import { given } from '../support/given.ts'

const claim = (epoch: number) => ({ type: 'CLAIM', runner_id: `r${epoch}`, epoch, host: 'h', pid: 42 }) as const
const INTERRUPTED = { type: 'TURN_INTERRUPTED', last_activity: T0, reason: 'its runner is gone' } as const

describe('a claim', () => {
  it('is refused unless its epoch is the next', () => {
    const queued = given(a.startRequested())
    queued.when(claim(0)).thenRefused()
    queued.when(claim(2)).thenRefused()
    queued.when(claim(1)).thenEmits('session.claimed').when(claim(1)).thenRefused().when(claim(3)).thenRefused()
    queued.thenUnhandled(a.claimed(2))
  })

  it.each([
    ['preflight', toPreparing({ hooks: { before_run: 'x' } }), ['runHook']],
    ['executing', toRunning(), ['execTurn']],
    ['stalled', [...toRunning(), a.stalled()], ['prepareTurn']],
    ['blocked', blockedAndHeld(), ['endHold']],
    ['cleanup', [...toRunning(), a.timedOut(), a.sessionFailed('turn_timeout')], ['captureWorkspace']],
  ] as const)('takes over in phase %s: what is pending stays pending', (phase, facts, pending) => {
    const before = given(facts)
    before
      .thenPhase(phase, before.state.pending[0]?.owner)
      .thenPending(pending)
      .when(claim(2))
      .thenEmits('session.claimed', { runner_id: 'r2', epoch: 2 })
      .thenPhase(phase, before.state.pending[0]?.owner)
      .thenPending(pending)
      .thenContext({ claim: { runner_id: 'r2', epoch: 2, host: 'h', pid: 42 } })
  })

  it('comes too late for a closed session', () => {
    const closed = [a.startRequested(), a.stop(), a.claimed(), a.sessionStopped(), a.closed('stopped')]
    given(closed).thenPhase('closed').when(claim(2)).thenRefused()
  })
})

describe('an interrupted turn', () => {
  it('counts like a stalled one, and the next is told', () => {
    given(toRunning(), a.spawned(), a.claimed(2, 'r2'))
      .when(INTERRUPTED)
      .thenEmits('turn.interrupted', { turn_number: 1, restart: 1, restarts_max: 2, backoff_ms: 1_000 })
      .thenPhase('stalled', 'stalled.waiting')
      .thenPending(['prepareTurn'], { turn_number: 2, kind: 'interrupted' })
      .when({ type: 'TURN_PREPARED', ...prepared })
      .thenEmits('turn.started', { turn_number: 2, kind: 'interrupted' })
      .thenContext({ stall: { turn_number: 1, reason: 'interrupted', last_activity: T0, restart: 1, restarts_max: 2 } })
      .when({ type: 'TURN_STALLED', last_activity: T0 })
      .thenEmits('turn.stalled', { restart: 2, backoff_ms: 2_000 })
  })

  it('blocks the session when restarts are exhausted', () => {
    given(toRunning({ liveness: { max_stall_restarts: 0 } }))
      .when(INTERRUPTED)
      .thenEmits('turn.interrupted', { due_at: null })
      .when({ type: 'CONCLUDE' })
      .thenEmits('session.blocked', { reason_code: 'stall_restart_exhausted' })
  })

  it('is not one that had already answered', () => {
    given(toRunning(), a.exited(1, responseOf('done')), a.claimed(2, 'r2'))
      .thenPending(['settleTurn'])
      .when(INTERRUPTED)
      .thenRefused()
  })
})

function blockedAndHeld() {
  const front = { blocked: { hold_ms: 60_000 } }
  return [
    ...toRunning(front),
    a.exited(1, responseOf('blocked')),
    a.completed(1, 'blocked'),
    a.sessionBlocked('executor_blocked', 60_000),
  ]
}
