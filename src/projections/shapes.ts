/**
 * What every stored document looks like from outside: its fields, and what each holds. A view is a cache that others may
 * write to as well; this tells what can't be a document of it, in no time and without loading the schemas, which a test
 * holds it against.
 */
import type { INDEXES, IndexName, ViewName, VIEWS } from './names.ts'

/** With `?`: or null. */
type Kind = 'string' | 'number' | 'boolean' | 'array' | 'object'
type Field = Kind | `${Kind}?`
type StoredName = (typeof VIEWS)[ViewName]['name'] | (typeof INDEXES)[IndexName]['name']

export const SHAPES: Readonly<Record<StoredName, Readonly<Record<string, Field>>>> = {
  registry: {
    session_id: 'string',
    status: 'string',
    phase: 'string',
    task: 'string',
    current_task: 'string',
    runtime_profile_path: 'string?',
    workspace_session_id: 'string',
    workspace_path: 'string?',
    objective_id: 'string?',
    tracker_item_id: 'string?',
    command: 'string?',
    max_turns: 'number?',
    turn_timeout_ms: 'number?',
    turn_count: 'number',
    created_at: 'string',
    updated_at: 'string',
    ended_at: 'string?',
    outcome: 'string?',
    verified: 'boolean?',
    result_summary: 'string?',
    last_error: 'string?',
    reason_code: 'string?',
    workspace_cleanup_status: 'string?',
    cleanup_error: 'string?',
    output_policy: 'object?',
    labels: 'object',
    turns: 'array',
    lifecycle: 'object',
  },
  'runtime-status': {
    session_id: 'string',
    surface_kind: 'string',
    bridge_status: 'string',
    phase: 'string',
    outcome: 'string?',
    preflight_state: 'string',
    runner_id: 'string?',
    host: 'string?',
    runner_pid: 'number?',
    epoch: 'number?',
    process_id: 'number?',
    active_workspace: 'string?',
    workspace_hook_health: 'string',
    hooks: 'array',
    model_class: 'string?',
    turn_count: 'number',
    turn_budget_ms: 'number?',
    stall_window_ms: 'number?',
    last_progress_at: 'string?',
    sleep_state: 'string',
    stall_restart_count: 'number',
    next_turn_due_at: 'string?',
    blocked_reason: 'string?',
    reason_code: 'string?',
    updated_at: 'string',
    transitions: 'array',
    lifecycle: 'object?',
  },
  transitions: {
    session_id: 'string',
    records: 'array',
    tracked: 'object',
  },
  vericify: {
    run_ref: 'string',
    sessions: 'array',
    posts: 'array',
    posts_total: 'number',
    held: 'array',
    denied: 'array',
    open_blockers: 'array',
    last_post: 'object?',
  },
  'status-events': {
    session_id: 'string',
    task: 'string',
    events: 'array',
  },
  ledger: {
    session_id: 'string',
    category: 'string',
    recorded_at: 'string?',
    message: 'string?',
    artifacts: 'array',
    metadata: 'object',
  },
  audits: {
    session_id: 'string',
    turn_number: 'number',
    turn_snapshot: 'object',
    capability_snapshot: 'object',
    tool_choice_audit: 'object',
    tool_calls: 'array',
  },
  'open-sessions': {
    sessions: 'object',
  },
  'recent-sessions': {
    session_ids: 'array',
  },
  'related-sessions': {
    sessions: 'array',
  },
}

const shapes = new Map(Object.entries(SHAPES).map(([name, fields]) => [name, Object.entries(fields)]))

/** `name`: of a view or an index. Null is none of its documents. */
export function hasShape(name: string, document: unknown): boolean {
  const fields = shapes.get(name)
  if (fields === undefined || typeof document !== 'object' || document === null) return false
  return fields.every(([key, field]) => holds(field, (document as Record<string, unknown>)[key]))
}

function holds(field: Field, value: unknown): boolean {
  const kind = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value
  return field === kind || field === `${kind}?` || (kind === 'null' && field.endsWith('?'))
}
