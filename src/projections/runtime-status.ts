/** Whether a session is alive, who runs it and how its surroundings are: what an operator looks at first. */
import { z } from 'zod'
import type { RecordedEvent } from '../events/envelope.ts'
import { OUTCOMES, REASON_CODES } from '../events/parts.ts'
import type { EventData } from '../events/session-events.ts'
import { MODEL_CLASSES } from '../events/workflow-config.ts'
import { PHASES, type Phase } from './phase.ts'
import { bySession, defineProjection, type Recorded } from './projection.ts'
import { track, trackedSchema, transitionRecordSchema, UNTRACKED } from './transition-records.ts'

/** The view `transitions` keeps all of them. */
export const LATEST_TRANSITIONS_MAX = 50

const timestamp = z.string().describe('RFC 3339 UTC with milliseconds')
const hookStateSchema = z.object({
  hook: z.enum(['after_create', 'before_run', 'after_run', 'before_remove']),
  ok: z.boolean(),
  exit_code: z.int().nullable(),
  timed_out: z.boolean(),
  at: timestamp,
})

export const runtimeStatusSchema = z.object({
  session_id: z.string(),
  surface_kind: z.literal('unattended_runtime'),
  bridge_status: z.enum(['waiting', 'connected', 'closed']).describe('connected: a runner has claimed the session'),
  phase: z.enum(PHASES),
  outcome: z.enum(OUTCOMES).nullable(),
  preflight_state: z
    .enum(['pending', 'running', 'passed', 'failed'])
    .describe('failed: also when it was stopped before its end'),
  runner_id: z.string().nullable(),
  host: z.string().nullable(),
  runner_pid: z.int().nullable(),
  epoch: z.int().nullable(),
  process_id: z.int().nullable().describe('of the running executor'),
  active_workspace: z.string().nullable().describe('its path as long as it is there and the session is not closed'),
  workspace_hook_health: z
    .enum(['unknown', 'healthy', 'degraded', 'failed'])
    .describe('degraded: a hook failed that changes nothing; failed: one that ended the session'),
  hooks: z.array(hookStateSchema).describe('the last run of each hook'),
  model_class: z.enum(MODEL_CLASSES).nullable(),
  turn_count: z.int().min(0),
  turn_budget_ms: z.int().nullable(),
  stall_window_ms: z.int().nullable().describe('<= 0: silence is not watched'),
  last_progress_at: timestamp.nullable(),
  sleep_state: z.enum(['awake', 'stalled']),
  stall_restart_count: z.int().min(0).describe('turns cut short in a row'),
  next_turn_due_at: timestamp.nullable().describe('end of the backoff'),
  blocked_reason: z.string().nullable(),
  reason_code: z.enum(REASON_CODES).nullable(),
  updated_at: timestamp,
  transitions: z.array(transitionRecordSchema).max(LATEST_TRANSITIONS_MAX).describe('the latest, oldest first'),
  tracked: trackedSchema.describe('where every subject is now'),
})
export type RuntimeStatusDocument = z.output<typeof runtimeStatusSchema>
type Document = RuntimeStatusDocument

export const runtimeStatus = defineProjection(runtimeStatusSchema)({
  name: 'runtime-status',
  version: 1,
  keysOf: bySession,
  opens: { 'start.requested': (document, event) => document ?? opened(event) },
  on: {
    'session.claimed': (document, { data }) => ({
      ...document,
      bridge_status: 'connected',
      runner_id: data.runner_id,
      host: data.host,
      runner_pid: data.pid,
      epoch: data.epoch,
    }),
    'session.started': (document, { data }) => ({
      ...document,
      model_class: data.config.model.class,
      turn_budget_ms: data.limits.turn_timeout_ms,
      stall_window_ms: data.limits.stall_window_ms,
    }),
    'workspace.created': (document, { data }) => ({ ...document, active_workspace: data.path }),
    'hook.finished': (document, event) => withHook(document, event),
    'turn.started': (document, { data, time }) => ({
      ...document,
      turn_count: data.turn_number,
      last_progress_at: time,
      next_turn_due_at: null,
    }),
    'turn.spawned': (document, { data, time }) => ({ ...document, process_id: data.pid, last_progress_at: time }),
    'turn.progressed': (document, { data }) => ({ ...document, last_progress_at: data.last_activity }),
    'turn.exited': (document, { time }) => ({ ...document, process_id: null, last_progress_at: time }),
    'turn.stalled': cut,
    'turn.interrupted': cut,
    'turn.timed_out': (document) => ({ ...document, process_id: null }),
    'turn.stopped': (document) => ({ ...document, process_id: null }),
    'tool.finished': (document, { data }) => ({ ...document, last_progress_at: data.ended_at }),
    'turn.completed': (document) => ({ ...document, stall_restart_count: 0 }),
    'session.completed': (document, event) => concluded(document, 'completed', event.data),
    'session.failed': (document, event) => concluded(document, 'failed', event.data),
    'session.stopped': (document, event) => concluded(document, 'stopped', event.data),
    'session.blocked': (document, { data }) => ({
      ...concluded(document, 'blocked', data),
      blocked_reason: data.summary,
    }),
    'session.resumed': (document) => ({
      ...document,
      outcome: null,
      reason_code: null,
      blocked_reason: null,
      stall_restart_count: 0,
    }),
    'workspace.removed': (document) => ({ ...document, active_workspace: null }),
    'workspace.archived': (document) => ({ ...document, active_workspace: null }),
    'session.closed': (document) => ({ ...document, bridge_status: 'closed', active_workspace: null }),
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
    tracked: UNTRACKED,
  }
}

function withHook(document: Document, { data, time }: Recorded<'hook.finished'>): Document {
  const { hook, ok, exit_code, timed_out } = data
  const hooks = [...document.hooks.filter((state) => state.hook !== hook), { hook, ok, exit_code, timed_out, at: time }]
  return { ...document, hooks, workspace_hook_health: healthOf(hooks) }
}

function healthOf(hooks: Document['hooks']): Document['workspace_hook_health'] {
  const failed = hooks.filter(({ ok }) => !ok)
  if (failed.length === 0) return 'healthy'
  return failed.some(({ hook }) => hook === 'after_create' || hook === 'before_run') ? 'failed' : 'degraded'
}

function cut(document: Document, { data }: Recorded<'turn.stalled' | 'turn.interrupted'>): Document {
  return {
    ...document,
    process_id: null,
    last_progress_at: data.last_activity ?? document.last_progress_at,
    stall_restart_count: data.restart,
    next_turn_due_at: data.due_at,
  }
}

function concluded(
  document: Document,
  outcome: NonNullable<Document['outcome']>,
  { reason_code }: Pick<EventData<'session.completed'>, 'reason_code'>,
): Document {
  return { ...document, outcome, reason_code, process_id: null, next_turn_due_at: null }
}

function advanced(document: Document, event: RecordedEvent): Document {
  const { tracked, records } = track(document.tracked, event)
  const phase = tracked.lifecycle?.phase ?? document.phase
  return {
    ...document,
    phase,
    preflight_state: preflightAfter(document, phase),
    sleep_state: phase === 'stalled' ? 'stalled' : 'awake',
    updated_at: event.time,
    transitions: records.length === 0 ? document.transitions : latest(document.transitions.concat(records)),
    tracked,
  }
}

function latest(transitions: Document['transitions']): Document['transitions'] {
  return transitions.length > LATEST_TRANSITIONS_MAX ? transitions.slice(-LATEST_TRANSITIONS_MAX) : transitions
}

function preflightAfter({ phase: before, preflight_state }: Document, phase: Phase): Document['preflight_state'] {
  if (phase === 'preflight') return 'running'
  if (before !== 'preflight') return preflight_state
  return phase === 'executing' ? 'passed' : 'failed'
}
