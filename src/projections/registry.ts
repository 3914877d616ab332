/** The session registry: one record per session, the answer to "what is going on and how did it end". */
import type { RecordedEvent } from '../events/envelope.ts'
import { VIEWS } from './names.ts'
import { phaseAfter, type Lifecycle } from './phase.ts'
import { bySession, defineProjection, type Recorded } from './projection.ts'
import { changed, copyOf, registrySchema, type RegistryDocument } from './registry-document.ts'
import { addToolCall, closeOpenTurn, completeTurn, cutTurn, exitTurn, startTurn } from './registry-turns.ts'
import { outcomeOf, sessionStatusAfter } from './status.ts'

type Document = RegistryDocument

export const registry = defineProjection(registrySchema)({
  ...VIEWS.registry,
  keysOf: bySession,
  opens: { 'start.requested': (document, event) => document ?? opened(event) },
  on: {
    'session.started': (document, { data }) =>
      changed(document, {
        runtime_profile_path: data.workflow.path,
        workspace_session_id: data.workspace.name,
        command: data.config.executor.command,
        max_turns: data.limits.max_turns,
        turn_timeout_ms: data.limits.turn_timeout_ms,
        output_policy: {
          emit_to: data.output.emit_to,
          silent_unless_blocked: data.output.silent_unless_blocked,
          require_approval_before_emit: data.output.require_approval_before_emit,
        },
      }),
    'workspace.created': (document, { data }) =>
      changed(document, {
        workspace_path: data.path,
        workspace_cleanup_status: 'pending',
      }),
    'workspace.failed': (document, { data }) => changed(document, { last_error: data.error }),
    'turn.started': startTurn,
    'turn.exited': exitTurn,
    'turn.stalled': cutTurn,
    'turn.timed_out': cutTurn,
    'turn.interrupted': cutTurn,
    'turn.stopped': cutTurn,
    'tool.finished': addToolCall,
    'turn.completed': completeTurn,
    'session.completed': concluded,
    'session.failed': concluded,
    'session.blocked': concluded,
    'session.stopped': concluded,
    'session.resumed': (document) =>
      changed(document, {
        ended_at: null,
        outcome: null,
        verified: null,
        result_summary: null,
        last_error: null,
        reason_code: null,
      }),
    'workspace.removed': (document) => changed(document, { workspace_cleanup_status: 'removed' }),
    'workspace.archived': (document) => changed(document, { workspace_cleanup_status: 'archived' }),
    'workspace.kept': (document) => changed(document, { workspace_cleanup_status: 'kept' }),
    'workspace.cleanup_failed': (document, { data }) =>
      changed(document, {
        workspace_cleanup_status: 'failed',
        cleanup_error: data.error,
      }),
    'session.closed': (document, { time }) => changed(document, { ended_at: document.ended_at ?? time }),
  },
  ignores: [
    'session.claimed',
    'checks.passed',
    'checks.failed',
    'hook.finished',
    'turn.spawned',
    'turn.progressed',
    'stop.requested',
    'resume.requested',
    'approval.granted',
    'approval.denied',
    'post.held',
    'workspace.captured',
  ],
  each: advanced,
})

function opened(event: Recorded<'start.requested'>): Document {
  const { data, time, subject } = event
  return {
    session_id: subject,
    status: 'starting',
    phase: 'queued',
    task: data.task,
    current_task: data.task,
    runtime_profile_path: null,
    workspace_session_id: data.workspace_name ?? subject,
    workspace_path: null,
    objective_id: data.objective_id ?? null,
    tracker_item_id: data.tracker_item_id ?? null,
    command: null,
    max_turns: data.max_turns ?? null,
    turn_timeout_ms: data.turn_timeout_ms ?? null,
    turn_count: 0,
    created_at: time,
    updated_at: time,
    ended_at: null,
    outcome: null,
    verified: null,
    result_summary: null,
    last_error: null,
    reason_code: null,
    workspace_cleanup_status: null,
    cleanup_error: null,
    output_policy: null,
    labels: data.labels,
    turns: [],
    // start.requested always opens a lifecycle.
    lifecycle: phaseAfter(null, event) as Lifecycle,
  }
}

type Verdict = Recorded<'session.completed' | 'session.failed' | 'session.blocked' | 'session.stopped'>

function concluded(document: Document, event: Verdict): Document {
  const { data, time } = event
  const outcome = outcomeOf(event)
  const held = event.type === 'session.blocked' && event.data.hold_until !== null
  return changed(closeOpenTurn(document, event), {
    ended_at: held ? null : time,
    outcome,
    verified: data.verified ?? null,
    result_summary: data.summary,
    last_error: outcome === 'failed' || outcome === 'blocked' ? data.summary : document.last_error,
    reason_code: data.reason_code,
  })
}

function advanced(document: Document, event: RecordedEvent): Document {
  const lifecycle = phaseAfter(document.lifecycle, event) ?? document.lifecycle
  const next = copyOf(document)
  next.status = sessionStatusAfter(document.status, event)
  next.phase = lifecycle.phase
  next.updated_at = event.time
  next.lifecycle = lifecycle
  return next
}
