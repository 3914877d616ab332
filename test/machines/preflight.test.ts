import { describe, expect, it } from 'vitest'
import { decide, INITIAL_STATE } from '../../src/machines/decider.ts'
import { a, checkOf, hookOf, inputOf, openedOf, toPreparing, workspaceOf } from '../support/facts.ts'
import { given } from '../support/given.ts'

const queued = [a.startRequested()]
const claimed = [...queued, a.claimed()]
const checks = { autonomy: { before_run: ['test -f plan'] } }
const hooks = { hooks: { after_create: 'npm ci', before_run: 'make ready' } }

describe('starting', () => {
  it('appends the whole request first and leaves the session queued, with nothing to do until a runner claims it', () => {
    given()
      .thenPhase('unstarted')
      .when({ type: 'START', input: inputOf({ labels: { lane: 'slow' } }) })
      .thenEmits('start.requested', { task: 'mend the gate', labels: { lane: 'slow' } })
      .thenPhase('queued')
      .thenPending([])
  })

  it('is refused for an id that is in use, in any phase', () => {
    const again = { type: 'START', input: inputOf() } as const
    given(queued).when(again).thenRefused('session_exists')
    given(toPreparing()).when(again).thenRefused('session_exists')
  })

  it('comes before everything else', () => {
    const stop = { type: 'STOP', by: 'ann', at: 0 } as const
    expect(decide(INITIAL_STATE, stop)).toMatchObject({ ok: false, code: 'session_not_found', phase: 'unstarted' })
  })
})

describe('queued', () => {
  it('goes to preflight when a runner claims it', () => {
    given(queued)
      .when({ type: 'CLAIM', runner_id: 'r1', epoch: 1, host: 'h', pid: 42 })
      .thenEmits('session.claimed', { runner_id: 'r1', epoch: 1 })
      .thenPhase('preflight', 'preflight.opening')
      .thenPending(['openSession'])
  })
})

describe('preflight', () => {
  it('makes the workspace, runs after_create, the checks and before_run, in this order', () => {
    given(claimed)
      .when({ type: 'SESSION_OPENED', ...openedOf({ ...hooks, ...checks }) })
      .thenEmits('session.started')
      .thenPending(['createWorkspace'])
      .when({ type: 'WORKSPACE_CREATED', ...workspaceOf() })
      .thenEmits('workspace.created', { path: '/w/S1', branch: 'swarmtrail/S1' })
      .thenPending(['runHook'], { hook: 'after_create' })
      .when({ type: 'HOOK_FINISHED', ...hookOf('after_create') })
      .thenEmits('hook.finished')
      .thenPending(['runChecks'], { stage: 'before_run' })
      .when({ type: 'CHECKS_FINISHED', stage: 'before_run', checks: [checkOf('plan', true)] })
      .thenEmits('checks.passed', { stage: 'before_run' })
      .thenPending(['runHook'], { hook: 'before_run' })
      .when({ type: 'HOOK_FINISHED', ...hookOf('before_run') })
      .thenEmits('hook.finished')
      .thenContext({ beforeRunOk: true })
      .thenPhase('executing', 'executing.preparing')
      .thenPending(['prepareTurn'], { turn_number: 1, kind: 'first', due_at: null })
  })

  it('asks only for what is configured', () => {
    given(toPreparing()).thenPending(['prepareTurn'])
    given(toPreparing({ hooks: { before_run: 'x' } })).thenPending(['runHook'], { hook: 'before_run' })
    given(toPreparing({ ...checks, hooks: { before_run: 'x' } })).thenPending(['runChecks'])
  })

  it('takes the end of one hook only for that hook', () => {
    given(toPreparing(hooks))
      .when({ type: 'HOOK_FINISHED', ...hookOf('before_run') })
      .thenRefused()
      .and(a.hook('after_create'))
      .thenUnhandled(a.hook('after_create'))
  })

  it('fails when the workspace cannot be made', () => {
    given(claimed, a.started())
      .when({ type: 'WORKSPACE_FAILED', path: null, error: 'disk full' })
      .thenEmits('workspace.failed')
      .thenPhase('preflight', 'preflight.concluding')
      .when({ type: 'CONCLUDE' })
      .thenEmits('session.failed', { reason_code: 'workspace_failed', summary: 'disk full' })
      .thenPhase('cleanup', 'cleanup.closing')
  })

  it.each([
    ['after_create', 'workspace_failed'],
    ['before_run', 'before_run_failed'],
  ] as const)('fails when %s fails, with %s', (hook, reason_code) => {
    given(toPreparing({ hooks: { [hook]: 'x' } }))
      .when({ type: 'HOOK_FINISHED', ...hookOf(hook, false) })
      .thenEmits('hook.finished', { ok: false })
      .when({ type: 'CONCLUDE' })
      .thenEmits('session.failed', { reason_code, summary: `hook ${hook} failed: exit code 1` })
      .thenPhase('cleanup', 'cleanup.capturing')
  })

  it('says of a hook past its time that it timed out', () => {
    given(toPreparing(hooks))
      .when({ type: 'HOOK_FINISHED', ...hookOf('after_create', false), exit_code: null, timed_out: true })
      .thenEmits('hook.finished', { timed_out: true })
      .when({ type: 'CONCLUDE' })
      .thenEmits('session.failed', { summary: 'hook after_create failed: it timed out' })
  })

  it('blocks when a check fails, and names each that did', () => {
    const found = [checkOf('plan', false), checkOf('clean', true), checkOf('key', false)]
    given(toPreparing(checks))
      .when({ type: 'CHECKS_FINISHED', stage: 'before_run', checks: found })
      .thenEmits('checks.failed', { checks: found })
      .when({ type: 'CONCLUDE' })
      .thenEmits('session.blocked', {
        reason_code: 'preflight_blocked',
        summary: 'checks before the run failed: plan, key',
        hold_until: null,
      })
      .thenPhase('cleanup', 'cleanup.capturing')
  })

  it('fails before any process is started when the template does not render', () => {
    given(claimed)
      .when({ type: 'SESSION_UNOPENABLE', reason_code: 'template_error', summary: 'line 3: unknown variable tusk' })
      .thenEmits('session.failed', { reason_code: 'template_error' })
      .thenPhase('cleanup', 'cleanup.closing')
  })

  it('fails when the runner itself fails', () => {
    given(claimed)
      .when({ type: 'EFFECT_FAILED', intent: 'openSession', error: 'EIO' })
      .thenEmits('session.failed', { reason_code: 'runner_error', summary: 'openSession: EIO' })
      .thenPhase('cleanup', 'cleanup.closing')
  })
})
