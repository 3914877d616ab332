import { describe, expect, it } from 'vitest'
import type { CommandBody } from '../../src/machines/commands.ts'
import {
  a,
  calls,
  checkOf,
  exitedOf,
  prepared,
  responseOf,
  toAnswered,
  toolOf,
  toPreparing,
  toRunning,
  toSettled,
  type Front,
} from '../support/facts.ts'
import { given } from '../support/given.ts'

describe('a turn', () => {
  it('is in the log before its process starts, with its limits', () => {
    given(toPreparing({ executor: { turn_timeout_ms: 5_000 } }))
      .when({ type: 'TURN_PREPARED', ...prepared })
      .thenEmits('turn.started', { turn_number: 1, kind: 'first', task: 'mend the gate', turn_timeout_ms: 5_000 })
      .thenPhase('executing', 'executing.running')
      .thenPending(['execTurn'], { turn_number: 1 })
  })

  it('records its process once and its progress when something moved, and goes on running', () => {
    const spawn = { type: 'TURN_SPAWNED', pid: 100, pgid: 100, process_started_at: '12345' } as const
    const progress = { type: 'TURN_PROGRESSED', last_activity: 'now', stdout_bytes: 10, stderr_bytes: 0 } as const
    given(toRunning())
      .when(spawn)
      .thenEmits('turn.spawned', { turn_number: 1, pid: 100 })
      .when(spawn)
      .thenRefused()
      .when(progress)
      .thenEmits('turn.progressed', { turn_number: 1, stdout_bytes: 10 })
      .when(progress)
      .thenRefused()
      .thenPhase('executing', 'executing.running')
      .thenPending(['execTurn'])
  })

  it('fails the session when its template or files cannot be made', () => {
    given(toPreparing())
      .when({ type: 'TURN_UNPREPARABLE', reason_code: 'template_error', summary: 'unknown filter' })
      .thenEmits('session.failed', { reason_code: 'template_error' })
      .thenPhase('cleanup', 'cleanup.capturing')
  })

  it('is used though its process exits non-zero, when the answer is valid', () => {
    given(toRunning())
      .when({ type: 'TURN_EXITED', ...exitedOf(responseOf('done')), exit_code: 3 })
      .thenEmits('turn.exited', { exit_code: 3 })
      .when({ type: 'SETTLE_TURN' })
      .thenEmits('turn.completed', { status: 'done', outcome: 'meaningful_completion' })
  })

  it('past its budget fails the session', () => {
    given(toRunning())
      .when({ type: 'TURN_TIMED_OUT', last_activity: null })
      .thenEmits('turn.timed_out', { turn_timeout_ms: 300_000 })
      .when({ type: 'CONCLUDE' })
      .thenEmits('session.failed', { reason_code: 'turn_timeout' })
      .thenPhase('cleanup', 'cleanup.capturing')
  })
})

describe('an answer', () => {
  it('continue starts the next turn with its task, or the current one when it names none', () => {
    const next = (next_task: string) => toAnswered(responseOf('continue', { next_task }))
    given(next('oil the hinge'))
      .when({ type: 'SETTLE_TURN' })
      .thenEmits('turn.completed', { status: 'continue' })
      .thenPhase('executing', 'executing.preparing')
      .thenPending(['prepareTurn'], { turn_number: 2, kind: 'continuation' })
      .when({ type: 'TURN_PREPARED', ...prepared })
      .thenEmits('turn.started', { turn_number: 2, task: 'oil the hinge' })
    given(next('  '), a.completed(1, 'continue')).thenContext({ task: 'mend the gate' })
  })

  it('continue after the last turn fails the session', () => {
    given(toSettled('continue', { executor: { max_turns: 1 } }))
      .when({ type: 'CONCLUDE' })
      .thenEmits('session.failed', {
        reason_code: 'max_turns_exceeded',
        summary: 'still not done after 1 turn: continue, says the agent',
      })
  })

  it("a request's max_turns goes before the workflow's", () => {
    given(toSettled('continue', { executor: { max_turns: 5 } }, { max_turns: 1 })).thenPending(['conclude'])
    given(toSettled('continue', { executor: { max_turns: 1 } }, { max_turns: 2 })).thenPending(['prepareTurn'])
  })

  it('done completes the session, unverified when there is nothing to check', () => {
    given(toSettled('done'))
      .when({ type: 'CONCLUDE' })
      .thenEmits('session.completed', { reason_code: 'done', summary: 'done, says the agent', verified: null })
      .thenPhase('cleanup', 'cleanup.capturing')
  })

  it('blocked blocks it', () => {
    given(toSettled('blocked'))
      .when({ type: 'CONCLUDE' })
      .thenEmits('session.blocked', { reason_code: 'executor_blocked', summary: 'blocked, says the agent' })
  })

  it('failed fails it', () => {
    given(toSettled('failed'))
      .when({ type: 'CONCLUDE' })
      .thenEmits('session.failed', { reason_code: 'executor_failed' })
  })

  it('that breaks the rule fails it and names every broken field', () => {
    const issues = [
      { path: 'status', message: 'expected done' },
      { path: 'summary', message: 'blank' },
    ]
    const summary = 'the response could not be used: status: expected done; summary: blank'
    given(toRunning())
      .when({ type: 'TURN_EXITED', ...exitedOf(null), issues })
      .thenEmits('turn.exited')
      .when({ type: 'SETTLE_TURN' })
      .thenEmits('turn.completed', { status: 'failed', outcome: 'escalation_blocker', summary })
      .when({ type: 'CONCLUDE' })
      .thenEmits('session.failed', { reason_code: 'invalid_response', summary })
  })

  it('without a tool call is a no-op success when posts are silent unless blocked', () => {
    const silent = { output: { silent_unless_blocked: true } }
    const settle = { type: 'SETTLE_TURN' } as const
    given(toAnswered(responseOf('done'), silent))
      .when(settle)
      .thenEmits('turn.completed', { outcome: 'no_op_success' })
    given(toAnswered(responseOf('done', { tool_calls: calls('git_diff') }), silent), a.tool(1, 0, 'git_diff'))
      .when(settle)
      .thenEmits('turn.completed', { outcome: 'meaningful_completion' })
    given(toAnswered(responseOf('blocked'), silent))
      .when(settle)
      .thenEmits('turn.completed', { outcome: 'escalation_blocker' })
  })
})

describe('tool calls', () => {
  const asked = toAnswered(responseOf('continue', { tool_calls: calls('list_files', 'git_diff') }))

  it('run one after another in order after the turn, failed ones too, and are handed to the next turn', () => {
    given(asked)
      .thenPhase('executing', 'executing.tooling')
      .thenPending(['runTool'], { turn_number: 1, call: 0 })
      .when({ type: 'TOOL_FINISHED', ...toolOf(0, 'list_files', false) })
      .thenEmits('tool.finished', { call: 0, ok: false })
      .thenPending(['runTool'], { turn_number: 1, call: 1 })
      .when({ type: 'TOOL_FINISHED', ...toolOf(1, 'git_diff') })
      .thenEmits('tool.finished', { call: 1, ok: true })
      .when({ type: 'SETTLE_TURN' })
      .thenEmits('turn.completed', { outcome: 'meaningful_completion' })
      .thenPending(['prepareTurn'], { turn_number: 2 })
      .thenContext({
        previousToolCalls: [
          expect.objectContaining({ tool_name: 'list_files', ok: false, error: expect.anything() }),
          expect.objectContaining({ tool_name: 'git_diff', ok: true, output: { lines: ['x'] } }),
        ],
      })
  })

  it('are taken once each', () => {
    given(asked, a.tool(1, 0, 'list_files'))
      .when({ type: 'TOOL_FINISHED', ...toolOf(0, 'list_files') })
      .thenRefused()
      .thenUnhandled(a.tool(1, 0, 'list_files'))
  })
})

describe('stop checks', () => {
  const checked = { autonomy: { stop: ['npm test'] } }
  const goesOn: Front = { autonomy: { stop: ['npm test'], on_stop_failure: 'continue' } }
  const failing: CommandBody = { type: 'CHECKS_FINISHED', stage: 'stop', checks: [checkOf('npm test', false)] }

  it('must pass before done is believed', () => {
    given(toSettled('done', checked))
      .thenPhase('executing', 'executing.verifying')
      .thenPending(['runChecks'], { stage: 'stop' })
      .when({ type: 'CHECKS_FINISHED', stage: 'stop', checks: [checkOf('npm test', true)] })
      .thenEmits('checks.passed', { stage: 'stop' })
      .when({ type: 'CONCLUDE' })
      .thenEmits('session.completed', { reason_code: 'done', verified: true, summary: 'done, says the agent' })
  })

  it('block the session when one fails', () => {
    given(toSettled('done', checked))
      .when(failing)
      .thenEmits('checks.failed')
      .when({ type: 'CONCLUDE' })
      .thenEmits('session.blocked', { reason_code: 'stop_checks_failed', verified: false })
  })

  it('or feed what failed back as the next task while turns remain', () => {
    given(toSettled('done', goesOn))
      .when(failing)
      .thenEmits('checks.failed')
      .thenPhase('executing', 'executing.preparing')
      .thenPending(['prepareTurn'], { turn_number: 2, kind: 'stop_check' })
      .when({ type: 'TURN_PREPARED', ...prepared })
      .thenEmits('turn.started', {
        kind: 'stop_check',
        task: expect.stringContaining('- npm test: npm test is not so'),
      })
  })

  it('and block when none remain', () => {
    given(toSettled('done', { ...goesOn, executor: { max_turns: 1 } }))
      .when(failing)
      .thenEmits('checks.failed')
      .when({ type: 'CONCLUDE' })
      .thenEmits('session.blocked', { reason_code: 'stop_checks_failed', verified: false })
  })

  it('judge only a turn that says done', () => {
    given(toSettled('continue', checked)).thenPending(['prepareTurn'])
    given(toSettled('blocked', checked)).thenPending(['conclude'])
  })
})
