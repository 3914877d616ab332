import { describe, it } from 'vitest'
import type { StartInput } from '../../src/events/start-input.ts'
import type { Front } from '../support/facts.ts'
import { a, openedOf, responseOf, toRunning, toSettled } from '../support/facts.ts'
import { given } from '../support/given.ts'

const approval: Front = { output: { require_approval_before_emit: true } }
const opened = [a.startRequested(), a.claimed()]
const heldIntent = [...opened, a.started(approval), a.postHeld('S1.e3', 'intent'), a.workspaceCreated()]
const answered = (status: 'continue' | 'done' | 'blocked' | 'failed', more: Partial<StartInput> = {}) => {
  const silent = more.silent_unless_blocked === true
  const quiet = silent && (status === 'continue' || status === 'done')
  const front: Front = { output: { require_approval_before_emit: true, silent_unless_blocked: silent } }
  const outcome = quiet ? ({ outcome: 'no_op_success' } as const) : {}
  const begun = [...opened, a.started(front), a.postHeld('S1.e3', 'intent'), a.workspaceCreated(), a.turnStarted()]
  return [...begun, a.exited(1, responseOf(status)), a.completed(1, status, outcome)]
}
const CONCLUDE = { type: 'CONCLUDE' } as const
const HOLD = { type: 'HOLD_POST' } as const

describe('a post', () => {
  it('is not held when posts need no approval, or go nowhere', () => {
    given(toRunning()).thenContext({ heldPosts: [], post: null })
    given(toSettled('continue')).thenPending(['prepareTurn'])
    given(opened)
      .when({ type: 'SESSION_OPENED', ...openedOf(approval, { emit_to: [] }) })
      .thenEmits('session.started')
      .thenPending(['createWorkspace'])
  })

  it('of the start is held before the workspace is made, named after the event it announces', () => {
    given(opened)
      .when({ type: 'SESSION_OPENED', ...openedOf({}, { require_approval_before_emit: true }) })
      .thenEmits('session.started')
      .thenPhase('preflight', 'preflight.posting')
      .when(HOLD)
      .thenEmits('post.held', { post_id: 'S1.e3', kind: 'intent', summary: 'mend the gate' })
      .thenPending(['createWorkspace'])
      .thenContext({ heldPosts: ['S1.e3'], post: null })
  })

  it('of progress is held before the next turn', () => {
    given(answered('continue'))
      .thenPhase('executing', 'executing.posting')
      .when(HOLD)
      .thenEmits('post.held', { post_id: 'S1.e8', kind: 'progress', summary: 'continue, says the agent' })
      .thenPhase('executing', 'executing.preparing')
  })

  it.each([
    ['done', 'session.completed', 'completion'],
    ['blocked', 'session.blocked', 'blocker'],
    ['failed', 'session.failed', 'blocker'],
  ] as const)('of %s is held before cleanup as %s, a %s', (status, type, kind) => {
    given(answered(status))
      .when(CONCLUDE)
      .thenEmits(type)
      .thenPending(['holdPost'])
      .when(HOLD)
      .thenEmits('post.held', { post_id: 'S1.e9', kind })
      .thenPhase('cleanup', 'cleanup.capturing')
  })

  it('is not made for a no-op success, nor for a stop; a blocker is always posted', () => {
    const silent = { silent_unless_blocked: true }
    given(answered('continue', silent)).thenPhase('executing', 'executing.preparing')
    given(answered('done', silent)).when(CONCLUDE).thenEmits('session.completed').thenPending(['captureWorkspace'])
    given(answered('blocked', silent)).when(CONCLUDE).thenEmits('session.blocked').thenPending(['holdPost'])
    given(heldIntent, a.stop()).when(CONCLUDE).thenEmits('session.stopped').thenPending(['captureWorkspace'])
  })

  it('is held before the hold begins', () => {
    const front: Front = { ...approval, blocked: { hold_ms: 60_000 } }
    const asked = [...opened, a.started(front), a.postHeld('S1.e3', 'intent'), a.workspaceCreated(), a.turnStarted()]
    given(asked, a.exited(1, responseOf('blocked')), a.completed(1, 'blocked'))
      .when(CONCLUDE)
      .thenEmits('session.blocked')
      .thenPhase('blocked', 'blocked.posting')
      .when(HOLD)
      .thenEmits('post.held', { kind: 'blocker' })
      .thenPhase('blocked', 'blocked.holding')
  })
})

describe('approval', () => {
  const approve = { type: 'APPROVE', post_id: 'S1.e3', by: 'ann' } as const
  const deny = { type: 'DENY', post_id: 'S1.e3', by: 'ann', reason: 'not yet' } as const

  it('is given or refused once for each held post, and moves nothing else', () => {
    given(heldIntent)
      .when(approve)
      .thenEmits('approval.granted', { post_id: 'S1.e3', by: 'ann' })
      .thenPhase('executing', 'executing.preparing')
      .thenPending(['prepareTurn'])
      .when(approve)
      .thenRefused('post_not_found')
      .when(deny)
      .thenRefused('post_not_found')
      .thenUnhandled(a.approved('S1.e3'))
    given(heldIntent)
      .when(deny)
      .thenEmits('approval.denied', { reason: 'not yet' })
      .when(approve)
      .thenRefused('post_not_found')
  })

  it('is refused for a post that is not held', () => {
    given(heldIntent).when({ type: 'APPROVE', post_id: 'S1.e4', by: 'ann' }).thenRefused('post_not_found')
    given(toRunning()).when(approve).thenRefused('post_not_found')
  })

  it('can come in any phase after the post, also when the session is closed', () => {
    const closed = [...heldIntent, a.stop(), a.sessionStopped(), a.captured(), a.removed(), a.closed('stopped')]
    given(closed).thenPhase('closed').when(approve).thenEmits('approval.granted').thenPhase('closed').thenPending([])
    given(heldIntent, a.turnStarted(), a.stalled())
      .when(deny)
      .thenEmits('approval.denied')
      .thenPhase('stalled', 'stalled.waiting')
  })
})
