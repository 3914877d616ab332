/** Whether a session is alive, who runs it and how its surroundings are: what an operator looks at first. */
import type { RecordedEvent } from '../events/envelope.ts'
import type { EventData } from '../events/session-events.ts'
import { VIEWS } from './names.ts'
import type { Phase } from './phase.ts'
import { bySession, defineProjection, type Recorded } from './projection.ts'
import {
  changed,
  copyOf,
  LATEST_TRANSITIONS_MAX,
  runtimeStatusSchema,
  type RuntimeStatusDocument,
} from './runtime-status-document.ts'
import { trackPhase } from './transition-records.ts'

type Document = RuntimeStatusDocument

export const runtimeStatus = defineProjection(runtimeStatusSchema)({
  ...VIEWS['runtime-status'],
  keysOf: bySession,
  opens: { 'start.requested': (document, event) => document ?? opened(event) },
  on: {
    'session.claimed': (document, { data }) =>
      changed(document, {
        bridge_status: 'connected',
        runner_id: data.runner_id,
        host: data.host,
        runner_pid: data.pid,
        epoch: data.epoch,
      }),
    'session.started': (document, { data }) =>
      changed(document, {
        model_class: data.config.model.class,
        turn_budget_ms: data.limits.turn_timeout_ms,
        stall_window_ms: data.limits.stall_window_ms,
      }),
    'workspace.created': (document, { data }) => changed(document, { active_workspace: data.path }),
    'hook.finished': (document, event) => withHook(document, event),
    'turn.started': (document, { data, time }) =>
      changed(document, {
        turn_count: data.turn_number,
        last_progress_at: time,
        next_turn_due_at: null,
      }),
    'turn.spawned': (document, { data, time }) => changed(document, { process_id: data.pid, last_progress_at: time }),
    'turn.progressed': (document, { data }) => changed(document, { last_progress_at: data.last_activity }),
    'turn.exited': (document, { time }) => changed(document, { process_id: null, last_progress_at: time }),
    'turn.stalled': cut,
    'turn.interrupted': cut,
    'turn.timed_out': (document) => changed(document, { process_id: null }),
    'turn.stopped': (document) => changed(document, { process_id: null }),
    'tool.finished': (document, { data }) => changed(document, { last_progress_at: data.ended_at }),
    'turn.completed': (document) => changed(document, { stall_restart_count: 0 }),
    'session.completed': (document, event) => concluded(document, 'completed', event.data),
    'session.failed': (document, event) => concluded(document, 'failed', event.data),
    'session.stopped': (document, event) => concluded(document, 'stopped', event.data),
    'session.blocked': (document, { data }) =>
      changed(concluded(document, 'blocked', data), { blocked_reason: data.summary }),
    'session.resumed': (document) =>
      changed(document, {
        outcome: null,
        reason_code: null,
        blocked_reason: null,
        stall_restart_count: 0,
      }),
    'workspace.removed': (document) => changed(document, { active_workspace: null }),
    'workspace.archived': (document) => changed(document, { active_workspace: null }),
    'session.closed': (document) => changed(document, { bridge_status: 'closed', active_workspace: null }),
  },
  ignores: [
    'workspace.failed',
    'checks.passed',
    'checks.failed',
    'stop.requested',
    'resume.requested',
    'approval.granted',
    'approval.denied',
    'post.held',
    'workspace.captured',
    'workspace.kept',
    'workspace.cleanup_failed',
  ],
  each: advanced,
})

function opened({ subject, time }: Recorded<'start.requested'>): Document {
  return {
    session_id: subject,
    surface_kind: 'unattended_runtime',
    bridge_status: 'waiting',
    phase: 'queued',
    outcome: null,
    preflight_state: 'pending',
    runner_id: null,
    host: null,
    runner_pid: null,
    epoch: null,
    process_id: null,
    active_workspace: null,
    workspace_hook_health: 'unknown',
    hooks: [],
    model_class: null,
    turn_count: 0,
    turn_budget_ms: null,
    stall_window_ms: null,
    last_progress_at: null,
    sleep_state: 'awake',
    stall_restart_count: 0,
    next_turn_due_at: null,
    blocked_reason: null,
    reason_code: null,
    updated_at: time,
    transitions: [],
    lifecycle: null,
  }
}

function withHook(document: Document, { data, time }: Recorded<'hook.finished'>): Document {
  const { hook, ok, exit_code, timed_out } = data
  const hooks = [...document.hooks.filter((state) => state.hook !== hook), { hook, ok, exit_code, timed_out, at: time }]
  return changed(document, { hooks, workspace_hook_health: healthOf(hooks) })
}

function healthOf(hooks: Document['hooks']): Document['workspace_hook_health'] {
  const failed = hooks.filter(({ ok }) => !ok)
  if (failed.length === 0) return 'healthy'
  return failed.some(({ hook }) => hook === 'after_create' || hook === 'before_run') ? 'failed' : 'degraded'
}

function cut(document: Document, { data }: Recorded<'turn.stalled' | 'turn.interrupted'>): Document {
  return changed(document, {
    process_id: null,
    last_progress_at: data.last_activity ?? document.last_progress_at,
    stall_restart_count: data.restart,
    next_turn_due_at: data.due_at,
  })
}

function concluded(
  document: Document,
  outcome: NonNullable<Document['outcome']>,
  { reason_code }: Pick<EventData<'session.completed'>, 'reason_code'>,
): Document {
  return changed(document, { outcome, reason_code, process_id: null, next_turn_due_at: null })
}

function advanced(document: Document, event: RecordedEvent): Document {
  const { lifecycle, records } = trackPhase(document.lifecycle, event)
  const phase = lifecycle?.phase ?? document.phase
  const next = copyOf(document)
  next.phase = phase
  next.preflight_state = preflightAfter(document, phase)
  next.sleep_state = phase === 'stalled' ? 'stalled' : 'awake'
  next.updated_at = event.time
  if (records.length > 0) next.transitions = latest(document.transitions.concat(records))
  next.lifecycle = lifecycle
  return next
}

function latest(transitions: Document['transitions']): Document['transitions'] {
  return transitions.length > LATEST_TRANSITIONS_MAX ? transitions.slice(-LATEST_TRANSITIONS_MAX) : transitions
}

function preflightAfter({ phase: before, preflight_state }: Document, phase: Phase): Document['preflight_state'] {
  if (phase === 'preflight') return 'running'
  if (before !== 'preflight') return preflight_state
  return phase === 'executing' ? 'passed' : 'failed'
}
