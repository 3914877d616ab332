import { describe, expect, it } from 'vitest'
import type { Workspace } from '../../src/events/parts.ts'
import type { StartInput } from '../../src/events/start-input.ts'
import type { Front } from '../support/facts.ts'
import { a, captured, hookOf, responseOf, T0_MS } from '../support/facts.ts'
import { given, timeOf } from '../support/given.ts'

const hooks = { before_run: 'x', after_run: 'x', before_remove: 'x' }

/** A session that has just completed after one turn. */
function completed(front: Front = {}, input: Partial<StartInput> = {}, source: Workspace['source'] = 'worktree') {
  const begun = [a.startRequested(input), a.claimed(), a.started(front, input), a.workspaceCreated(source)]
  const ready = front.hooks?.before_run === undefined ? [] : [a.hook('before_run')]
  const turn = [a.turnStarted(), a.exited(1, responseOf('done')), a.completed(1, 'done')]
  return [...begun, ...ready, ...turn, a.sessionCompleted()]
}

describe('cleanup', () => {
  it('captures the work, runs after_run and before_remove, removes the workspace and closes, in this order', () => {
    given(completed({ hooks }))
      .thenPhase('cleanup', 'cleanup.capturing')
      .when({ type: 'WORKSPACE_CAPTURED', ...captured })
      .thenEmits('workspace.captured', { head_commit: 'decade' })
      .thenPending(['runHook'], { hook: 'after_run' })
      .when({ type: 'HOOK_FINISHED', ...hookOf('after_run') })
      .thenEmits('hook.finished')
      .thenPending(['runHook'], { hook: 'before_remove' })
      .when({ type: 'HOOK_FINISHED', ...hookOf('before_remove') })
      .thenEmits('hook.finished')
      .thenPending(['disposeWorkspace'], { mode: 'remove' })
      .when({ type: 'WORKSPACE_REMOVED', path: '/w/S1' })
      .thenEmits('workspace.removed', { path: '/w/S1' })
      .thenPending(['closeSession'])
      .when({ type: 'CLOSE' })
      .thenEmits('session.closed', { outcome: 'completed', turns: 1, duration_ms: timeOf(13) - T0_MS })
      .thenPhase('closed')
      .thenPending([])
  })

  it('asks only for the hooks there are', () => {
    given(completed(), a.captured()).thenPending(['disposeWorkspace'])
    given(completed({ hooks: { before_remove: 'x' } }), a.captured()).thenPending(['runHook'], {
      hook: 'before_remove',
    })
    given(completed({ hooks: { after_run: 'x' } }), a.captured(), a.hook('after_run')).thenPending(['disposeWorkspace'])
  })

  it('does not mind hooks that fail', () => {
    given(completed({ hooks }), a.captured())
      .when({ type: 'HOOK_FINISHED', ...hookOf('after_run', false) })
      .thenEmits('hook.finished', { ok: false })
      .when({ type: 'HOOK_FINISHED', ...hookOf('before_remove', false) })
      .thenEmits('hook.finished', { ok: false })
      .thenPending(['disposeWorkspace'])
      .thenContext({ outcome: 'completed', verdict: null })
  })

  it('runs no after_run when before_run failed or never ran', () => {
    const begun = [a.startRequested(), a.claimed(), a.started({ hooks }), a.workspaceCreated()]
    const failed = [a.hook('before_run', false), a.sessionFailed('before_run_failed'), a.captured()]
    given(begun, failed).thenPending(['runHook'], { hook: 'before_remove' })
    const unbegun = [
      a.startRequested(),
      a.claimed(),
      a.started({ hooks: { after_run: 'x' }, autonomy: { before_run: ['a'] } }),
    ]
    given(
      unbegun,
      a.workspaceCreated(),
      a.checksFailed('before_run'),
      a.sessionBlocked('preflight_blocked'),
      a.captured(),
    ).thenPending(['disposeWorkspace'])
  })

  it('archives when the workflow says so, without before_remove', () => {
    given(completed({ hooks: { before_remove: 'x' }, workspace: { on_cleanup: 'archive' } }), a.captured())
      .thenPending(['disposeWorkspace'], { mode: 'archive' })
      .when({ type: 'WORKSPACE_ARCHIVED', path: '/w/S1', archive: null, archive_path: '/w/S1.tgz' })
      .thenEmits('workspace.archived', { archive_path: '/w/S1.tgz' })
      .thenPending(['closeSession'])
  })

  it.each<[string, Front, Partial<StartInput>]>([
    ['the workflow says so', { workspace: { on_cleanup: 'keep' } }, {}],
    ['the request says no auto_cleanup', {}, { auto_cleanup: false }],
  ])('keeps the workspace when %s, and captures its work all the same', (_, front, input) => {
    given(completed({ ...front, hooks: { before_remove: 'x' } }, input))
      .thenPending(['captureWorkspace'])
      .and(a.captured())
      .thenPending(['disposeWorkspace'], { mode: 'keep' })
      .when({ type: 'WORKSPACE_KEPT', path: '/w/S1' })
      .thenEmits('workspace.kept')
      .thenPending(['closeSession'])
  })

  it('never removes a source used in place, and has nothing to capture there', () => {
    given(completed({ hooks, workspace: { source: 'in-place' } }, {}, 'in-place'))
      .thenPending(['runHook'], { hook: 'after_run' })
      .and(a.hook('after_run'))
      .thenPending(['disposeWorkspace'], { mode: 'keep' })
  })

  it('that fails keeps the outcome', () => {
    given(completed(), a.captured())
      .when({ type: 'CLEANUP_FAILED', error: 'busy' })
      .thenEmits('workspace.cleanup_failed', { path: '/w/S1', error: 'busy' })
      .when({ type: 'CLOSE' })
      .thenEmits('session.closed', { outcome: 'completed' })
    given(completed(), a.captured())
      .when({ type: 'EFFECT_FAILED', intent: 'disposeWorkspace', error: 'EIO' })
      .thenEmits('workspace.cleanup_failed', { error: 'disposeWorkspace: EIO' })
      .thenContext({ outcome: 'completed' })
  })

  it('leaves the workspace where it is when its work could not be captured', () => {
    given(completed({ hooks }))
      .when({ type: 'CLEANUP_FAILED', error: 'index is locked' })
      .thenEmits('workspace.cleanup_failed')
      .thenPending(['runHook'], { hook: 'after_run' })
      .and(a.hook('after_run'))
      .thenPhase('cleanup', 'cleanup.closing')
      .thenContext({ workspace: expect.objectContaining({ path: '/w/S1' }) })
  })
})
