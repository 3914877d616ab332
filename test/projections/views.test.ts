import { describe, expect, it } from 'vitest'
import { audits } from '../../src/projections/audits.ts'
import { ledger } from '../../src/projections/ledger.ts'
import { foldDocuments } from '../../src/projections/projection.ts'
import { LATEST_TRANSITIONS_MAX } from '../../src/projections/runtime-status-document.ts'
import { runtimeStatus } from '../../src/projections/runtime-status.ts'
import { statusEvents } from '../../src/projections/status-events.ts'
import { transitions } from '../../src/projections/transitions.ts'
import { artifact, documentOf, fact, sha256, startedWith, timeAt, trail } from './support.ts'

const opening = [
  fact('start.requested', { objective_id: 'O-1' }),
  fact('session.claimed'),
  fact('session.started'),
  fact('workspace.created'),
]
const completing = [
  fact('turn.started'),
  fact('turn.spawned'),
  fact('turn.progressed'),
  fact('turn.exited'),
  fact('turn.completed'),
  fact('session.completed'),
]
const ending = [fact('workspace.captured'), fact('workspace.archived'), fact('session.closed')]

describe('runtime-status', () => {
  it('tells who runs what, where, and how it is', () => {
    const {
      transitions: latest,
      lifecycle,
      ...status
    } = documentOf(
      runtimeStatus,
      trail(...opening, fact('hook.finished'), fact('turn.started'), fact('turn.spawned'), fact('turn.progressed')),
    )
    expect(status).toStrictEqual({
      session_id: 'S1',
      surface_kind: 'unattended_runtime',
      bridge_status: 'connected',
      phase: 'executing',
      outcome: null,
      preflight_state: 'passed',
      runner_id: 'R1',
      host: 'h',
      runner_pid: 7,
      epoch: 1,
      process_id: 42,
      active_workspace: '/root/S1',
      workspace_hook_health: 'healthy',
      hooks: [{ hook: 'before_run', ok: true, exit_code: 0, timed_out: false, at: timeAt(5) }],
      model_class: 'frontier',
      turn_count: 1,
      turn_budget_ms: 300_000,
      stall_window_ms: 120_000,
      last_progress_at: timeAt(2),
      sleep_state: 'awake',
      stall_restart_count: 0,
      next_turn_due_at: null,
      blocked_reason: null,
      reason_code: null,
      updated_at: timeAt(8),
    })
    expect(latest.map(({ to }) => to)).toEqual(['queued', 'preflight', 'executing'])
    expect(lifecycle).toMatchObject({ phase: 'executing', preflight_steps: ['workspace'] })
  })

  it('sleeps while stalled, counts restarts in a row and awakes with an answer', () => {
    const stalled = [...opening, fact('turn.started'), fact('turn.stalled', { restart: 2 })]
    expect(documentOf(runtimeStatus, trail(...stalled))).toMatchObject({
      phase: 'stalled',
      sleep_state: 'stalled',
      stall_restart_count: 2,
      next_turn_due_at: timeAt(99),
      process_id: null,
    })
    const again = [...stalled, fact('turn.started', { turn_number: 2 }), fact('turn.completed', { turn_number: 2 })]
    expect(documentOf(runtimeStatus, trail(...again))).toMatchObject({
      phase: 'executing',
      sleep_state: 'awake',
      stall_restart_count: 0,
      next_turn_due_at: null,
    })
  })

  it('tells a failed preflight, a blocked session and a hook that changes nothing apart', () => {
    const started = fact(
      'session.started',
      startedWith({ autonomy: { before_run: [{ command: 'c', timeout_ms: 1 }] } }),
    )
    const blocked = [
      fact('start.requested'),
      fact('session.claimed'),
      started,
      fact('checks.failed'),
      fact('session.blocked'),
    ]
    expect(documentOf(runtimeStatus, trail(...blocked))).toMatchObject({
      preflight_state: 'failed',
      blocked_reason: 'Need a key',
      reason_code: 'executor_blocked',
      workspace_hook_health: 'unknown',
    })
    const hook = fact('hook.finished', { hook: 'after_run', ok: false })
    const closed = documentOf(runtimeStatus, trail(...opening, ...completing, hook, fact('session.closed')))
    expect(closed).toMatchObject({
      workspace_hook_health: 'degraded',
      bridge_status: 'closed',
      active_workspace: null,
      preflight_state: 'passed',
    })
  })

  it('keeps the latest transitions only, and of its own only: those of the phase', () => {
    const turns = Array.from({ length: 60 }, (_, index) => [
      fact('turn.started', { turn_number: index + 1 }),
      fact('turn.stalled', { turn_number: index + 1 }),
    ])
    const { transitions: latest } = documentOf(runtimeStatus, trail(...opening, ...turns.flat()))
    expect(latest).toHaveLength(LATEST_TRANSITIONS_MAX)
    expect(latest.at(-1)).toMatchObject({ subject_kind: 'runtime_status', from: 'executing', to: 'stalled' })
    expect(new Set(latest.map(({ subject_kind }) => subject_kind))).toEqual(new Set(['runtime_status']))
  })
})

describe('transitions', () => {
  it('records what changed, from what, to what, and why', () => {
    const { records } = documentOf(transitions, trail(...opening, ...completing, ...ending))
    const brief = records.map(({ subject_kind, subject_id, from, to }) => [subject_kind, subject_id, from, to])
    expect(brief).toEqual([
      ['runtime_status', 'S1', null, 'queued'],
      ['runtime_status', 'S1', 'queued', 'preflight'],
      ['runtime_status', 'S1', 'preflight', 'executing'],
      ['workspace_session', 'S1', null, 'created'],
      ['capability', 'S1/git_diff', null, 'available'],
      ['turn', 'S1/1', null, 'running'],
      ['turn', 'S1/1', 'running', 'exited'],
      ['turn', 'S1/1', 'exited', 'completed'],
      ['runtime_status', 'S1', 'executing', 'cleanup'],
      ['workspace_session', 'S1', 'created', 'captured'],
      ['workspace_session', 'S1', 'captured', 'archived'],
      ['runtime_status', 'S1', 'cleanup', 'closed'],
    ])
    expect(records[8]).toStrictEqual({
      subject_kind: 'runtime_status',
      subject_id: 'S1',
      from: 'executing',
      to: 'cleanup',
      reason: 'Fixed',
      reason_code: 'done',
      evidence_refs: [],
      at: timeAt(10),
    })
    expect(records[9]?.evidence_refs).toEqual([`sha256-${sha256('patch')}`])
  })

  it('records tools that a later turn is not offered any more', () => {
    const capabilities = {
      tools: [],
      unavailable_tools: [{ name: 'git_diff', reason_code: 'policy_disabled' as const }],
    }
    const events = trail(...opening, fact('turn.started'), fact('turn.started', { turn_number: 2, capabilities }))
    const { records } = documentOf(transitions, events)
    expect(records.at(-2)).toMatchObject({ from: 'available', to: 'unavailable: policy_disabled' })
  })
})

describe('status-events', () => {
  it('tells the story by ACE’s names', () => {
    const facts = [
      ...opening,
      fact('turn.started'),
      fact('turn.stalled'),
      fact('turn.started', { turn_number: 2 }),
      fact('turn.completed', { turn_number: 2, status: 'continue' }),
      fact('turn.timed_out', { turn_number: 3 }),
      fact('turn.completed', { turn_number: 4, status: 'failed' }),
      fact('turn.completed', { turn_number: 5, status: 'blocked' }),
      fact('session.blocked'),
      fact('session.failed'),
      fact('session.stopped'),
      fact('session.completed'),
    ]
    const { events } = documentOf(statusEvents, trail(...facts))
    expect(events.map(({ event, status }) => `${event.replace('RUNTIME_EXECUTOR', '')} ${status}`)).toEqual([
      '_SESSION_STARTED started',
      '_TURN_STARTED in_progress',
      '_TURN_FAILED in_progress',
      '_TURN_STARTED in_progress',
      '_TURN_COMPLETED in_progress',
      '_TURN_FAILED fail',
      '_TURN_FAILED fail',
      '_TURN_COMPLETED blocked',
      '_SESSION_BLOCKED blocked',
      '_SESSION_FAILED fail',
      '_SESSION_STOPPED fail',
      '_SESSION_COMPLETED done',
    ])
    expect(events.at(-1)).toMatchObject({ summary: 'Fixed', payload: { reason_code: 'done', verified: true } })
  })
})

describe('ledger', () => {
  it('records one entry when the session is closed', () => {
    const facts = [...opening, ...completing, ...ending]
    expect(documentOf(ledger, trail(...facts.slice(0, -1)))).toMatchObject({ recorded_at: null, message: null })
    const entry = documentOf(ledger, trail(...facts))
    expect(entry).toMatchObject({
      session_id: 'S1',
      category: 'major_update',
      recorded_at: timeAt(13),
      message: 'completed: Fix it: Fixed',
      artifacts: [
        { kind: 'patch', name: `sha256-${sha256('patch')}`, ...artifact('patch') },
        { kind: 'workspace', ...artifact('archive') },
      ],
      metadata: { run_ref: 'O-1', outcome: 'completed', verified: true, files: ['a.txt'], turns: 1, duration_ms: 5000 },
    })
  })
})

describe('audits', () => {
  it('keeps one document for each turn', () => {
    const second = { turn_number: 2 }
    const events = trail(
      ...opening,
      fact('turn.started'),
      fact('turn.exited', { response: null, issues: [{ path: 'status', message: 'missing' }] }),
      fact('turn.started', second),
      fact('tool.finished', second),
      fact('turn.interrupted', second),
    )
    const documents = foldDocuments(audits, events)
    expect([...documents.keys()]).toEqual(['S1/1', 'S1/2'])
    expect(documents.get('S1/1')?.document).toMatchObject({
      turn_snapshot: {
        status: 'exited',
        prompt: artifact('prompt'),
        response: artifact('response'),
        response_issues: [{ path: 'status', message: 'missing' }],
      },
      capability_snapshot: { tools: [{ name: 'git_diff', cost_class: 'light' }] },
      tool_choice_audit: { selected_budget: { max_lines: 2000 } },
    })
    expect(documents.get('S1/2')?.document).toMatchObject({
      turn_snapshot: { status: 'interrupted', outcome_reason: 'runner lost', duration_ms: 900, ended_at: timeAt(9) },
      tool_calls: [{ call: 0, tool_name: 'git_diff', ok: true, error: null }],
    })
  })
})
