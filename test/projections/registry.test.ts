import { describe, expect, it } from 'vitest'
import { registry } from '../../src/projections/registry.ts'
import { CONDENSED_CHARS_MAX, FULL_TURNS_MAX, TOOL_OUTPUT_CHARS_MAX } from '../../src/projections/registry-document.ts'
import { documentOf, fact, output, timeAt, trail } from './support.ts'

const opening = [
  fact('start.requested', { tracker_item_id: 'T-1', labels: { lane: 'a' }, max_turns: 3 }),
  fact('session.claimed'),
  fact('session.started'),
  fact('workspace.created'),
]
const ending = [
  fact('workspace.captured'),
  fact('hook.finished', { hook: 'after_run' }),
  fact('workspace.removed'),
  fact('session.closed'),
]

describe('registry', () => {
  it('tells all of a session that completed', () => {
    const events = trail(
      ...opening,
      fact('turn.started'),
      fact('turn.spawned'),
      fact('turn.exited'),
      fact('tool.finished'),
      fact('tool.finished', { call: 1, ok: false, output: undefined, error: { code: 'refused', message: 'no' } }),
      fact('turn.completed'),
      fact('session.completed'),
      ...ending,
    )
    expect(documentOf(registry, events)).toStrictEqual({
      session_id: 'S1',
      status: 'completed',
      phase: 'closed',
      task: 'Fix it',
      current_task: 'Fix it',
      runtime_profile_path: '/src/WORKFLOW.md',
      workspace_session_id: 'S1',
      workspace_path: '/root/S1',
      objective_id: null,
      tracker_item_id: 'T-1',
      command: 'agent',
      max_turns: 6,
      turn_timeout_ms: 300_000,
      turn_count: 1,
      created_at: timeAt(1),
      updated_at: timeAt(15),
      ended_at: timeAt(11),
      outcome: 'completed',
      verified: true,
      result_summary: 'Fixed',
      last_error: null,
      reason_code: 'done',
      workspace_cleanup_status: 'removed',
      cleanup_error: null,
      output_policy: {
        emit_to: ['tui', 'vericify'],
        silent_unless_blocked: false,
        require_approval_before_emit: false,
      },
      labels: { lane: 'a' },
      turns: [
        {
          turn_number: 1,
          started_at: timeAt(5),
          ended_at: timeAt(7),
          status: 'completed',
          response_status: 'done',
          summary: 'Fixed',
          prompt_path: '/private/S1/1/prompt.md',
          request_path: '/private/S1/1/request.json',
          response_path: '/private/S1/1/response.json',
          exit_code: 0,
          stdout: 'out',
          stderr: 'err',
          tool_calls: [
            { call: 0, name: 'git_diff', ok: true, output: { diff: '' }, error: null },
            { call: 1, name: 'git_diff', ok: false, output: null, error: { code: 'refused', message: 'no' } },
          ],
          turn_outcome: 'meaningful_completion',
          outcome_reason: 'because',
        },
      ],
      lifecycle: {
        phase: 'closed',
        preflight_steps: ['workspace'],
        posts_wait: false,
        stop_requested: false,
        blocked: null,
        hold_until: null,
        resumes_to: 'executing',
      },
    })
  })

  it('is starting until the first turn, and knows no more than what was asked', () => {
    const [requested, , , created] = trail(...opening)
    expect(documentOf(registry, requested === undefined ? [] : [requested])).toMatchObject({
      status: 'starting',
      phase: 'queued',
      max_turns: 3,
      command: null,
      workspace_cleanup_status: null,
      outcome: null,
    })
    expect(created).toBeDefined()
    expect(documentOf(registry, trail(...opening))).toMatchObject({
      status: 'starting',
      phase: 'executing',
      workspace_cleanup_status: 'pending',
    })
    expect(documentOf(registry, trail(...opening, fact('turn.started')))).toMatchObject({ status: 'running' })
  })

  it('forgets the block of a session that was resumed, and has not ended while it holds', () => {
    const held = [
      ...opening,
      fact('turn.started'),
      fact('turn.exited'),
      fact('turn.completed', { status: 'blocked', outcome: 'escalation_blocker', summary: 'Need a key' }),
      fact('session.blocked', { hold_until: timeAt(900) }),
    ]
    expect(documentOf(registry, trail(...held))).toMatchObject({
      status: 'blocked',
      phase: 'blocked',
      reason_code: 'executor_blocked',
      last_error: 'Need a key',
      ended_at: null,
    })
    const resumed = documentOf(registry, trail(...held, fact('resume.requested'), fact('session.resumed')))
    expect(resumed).toMatchObject({
      status: 'running',
      phase: 'executing',
      outcome: null,
      reason_code: null,
      last_error: null,
    })
  })

  it.each([
    ['turn.stalled', 'stalled', 'silent for longer than 120000 ms'],
    ['turn.interrupted', 'interrupted', 'runner lost'],
    ['turn.timed_out', 'timed_out', 'not done within 300000 ms'],
    ['turn.stopped', 'stopped', 'enough'],
  ] as const)('keeps what a turn left behind that ended by %s', (type, status, reason) => {
    const [turn] = documentOf(registry, trail(...opening, fact('turn.started'), fact(type))).turns
    expect(turn).toMatchObject({ status, outcome_reason: reason, stdout: 'o', stderr: 'e', ended_at: timeAt(6) })
  })

  it('ends an open turn with the session, and keeps a failed cleanup apart from the outcome', () => {
    const events = trail(
      ...opening,
      fact('turn.started'),
      fact('session.failed', { reason_code: 'runner_error', summary: 'no disk' }),
      fact('workspace.cleanup_failed'),
      fact('session.closed', { outcome: 'failed' }),
    )
    const document = documentOf(registry, events)
    expect(document).toMatchObject({
      status: 'failed',
      last_error: 'no disk',
      workspace_cleanup_status: 'failed',
      cleanup_error: 'busy',
    })
    expect(document.turns[0]).toMatchObject({ status: 'failed', ended_at: timeAt(6) })
  })

  it('stays bounded: long tool output is clipped, and old turns are condensed', () => {
    const turns = Array.from({ length: FULL_TURNS_MAX + 1 }, (_, index) => index + 1).flatMap((turn_number) => [
      fact('turn.started', { turn_number }),
      fact('turn.exited', { turn_number, stdout: output('x'.repeat(4000)) }),
      fact('tool.finished', { turn_number, output: '😀'.repeat(3000) }),
    ])
    const document = documentOf(registry, trail(...opening, ...turns))
    const [oldest, second] = document.turns
    expect(document.turns).toHaveLength(FULL_TURNS_MAX + 1)
    expect(oldest?.stdout).toBe(`…${'x'.repeat(CONDENSED_CHARS_MAX - 1)}`)
    expect(second?.stdout).toHaveLength(4000)
    const clipped = String(second?.tool_calls[0]?.output)
    expect(clipped.length).toBeLessThanOrEqual(TOOL_OUTPUT_CHARS_MAX)
    expect(clipped).toMatch(/^(😀)+…$/u)
  })
})
