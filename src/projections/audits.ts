/** What an auditor asks about one turn: what it was given, what it could use, what it did and what came of it. */
import { z } from 'zod'
import type { RecordedEvent } from '../events/envelope.ts'
import {
  artifactRefSchema,
  capabilitySnapshotSchema,
  responseIssueSchema,
  toolChoiceAuditSchema,
  toolErrorSchema,
  TURN_KINDS,
  TURN_OUTCOMES,
} from '../events/parts.ts'
import { VIEWS } from './names.ts'
import { defineProjection, type Recorded } from './projection.ts'
import { turnRef } from './refs.ts'
import { cutOutcome, cutReason, TURN_STATUSES, type TurnCut, turnStatusAfter } from './status.ts'

const timestamp = z.string().describe('RFC 3339 UTC with milliseconds')

const turnSnapshotSchema = z.object({
  kind: z.enum(TURN_KINDS),
  task: z.string(),
  status: z.enum(TURN_STATUSES),
  started_at: timestamp,
  ended_at: timestamp.nullable(),
  turn_timeout_ms: z.int(),
  stall_window_ms: z.int(),
  read_file_lines_max_lines: z.int(),
  process_id: z.int().nullable(),
  exit_code: z.int().nullable(),
  signal: z.string().nullable(),
  duration_ms: z.number().nullable(),
  last_activity: timestamp.nullable(),
  prompt: artifactRefSchema,
  request: artifactRefSchema,
  response: artifactRefSchema.nullable(),
  response_issues: z.array(responseIssueSchema),
  stdout: artifactRefSchema.nullable(),
  stderr: artifactRefSchema.nullable(),
  response_status: z.enum(['continue', 'done', 'blocked', 'failed']).nullable(),
  summary: z.string().nullable(),
  turn_outcome: z.enum(TURN_OUTCOMES).nullable(),
  outcome_reason: z.string().nullable(),
  evidence_refs: z.array(z.string()),
})
type TurnSnapshot = z.output<typeof turnSnapshotSchema>

export const auditSchema = z.object({
  session_id: z.string(),
  turn_number: z.int().min(1),
  turn_snapshot: turnSnapshotSchema,
  capability_snapshot: capabilitySnapshotSchema,
  tool_choice_audit: toolChoiceAuditSchema,
  tool_calls: z.array(
    z.object({
      call: z.int().min(0),
      tool_name: z.string(),
      input_sha256: z.string(),
      ok: z.boolean(),
      error: toolErrorSchema.nullable(),
      started_at: timestamp,
      ended_at: timestamp,
      duration_ms: z.number(),
    }),
  ),
})
export type AuditDocument = z.output<typeof auditSchema>

export const audits = defineProjection(auditSchema)({
  ...VIEWS.audits,
  nouns: ['turn', 'tool'],
  keysOf,
  opens: { 'turn.started': (document, event) => document ?? opened(event) },
  on: {
    'turn.spawned': (document, { data }) => inTurn(document, { process_id: data.pid }),
    'turn.progressed': (document, { data }) => inTurn(document, { last_activity: data.last_activity }),
    'turn.exited': (document, { data, time }) =>
      inTurn(document, {
        ended_at: time,
        exit_code: data.exit_code,
        signal: data.signal,
        duration_ms: data.duration_ms,
        response: data.response_artifact,
        response_issues: data.issues,
        stdout: data.stdout.artifact,
        stderr: data.stderr.artifact,
        response_status: data.response?.status ?? null,
      }),
    'turn.stalled': cut,
    'turn.timed_out': cut,
    'turn.interrupted': cut,
    'turn.stopped': cut,
    'tool.finished': (document, { data }) => ({
      ...document,
      tool_calls: [
        ...document.tool_calls,
        {
          call: data.call,
          tool_name: data.tool_name,
          input_sha256: data.input_sha256,
          ok: data.ok,
          error: data.error ?? null,
          started_at: data.started_at,
          ended_at: data.ended_at,
          duration_ms: data.duration_ms,
        },
      ],
    }),
    'turn.completed': (document, { data, time }) =>
      inTurn(document, {
        ended_at: document.turn_snapshot.ended_at ?? time,
        summary: data.summary,
        turn_outcome: data.outcome,
        outcome_reason: data.outcome_reason,
        evidence_refs: data.evidence_refs,
      }),
  },
  // An audit ends with its turn: what became of the session is in the registry and the ledger.
  ignores: [
    'start.requested',
    'session.claimed',
    'session.started',
    'workspace.created',
    'workspace.failed',
    'checks.passed',
    'checks.failed',
    'hook.finished',
    'stop.requested',
    'resume.requested',
    'approval.granted',
    'approval.denied',
    'session.completed',
    'session.failed',
    'session.blocked',
    'session.stopped',
    'session.resumed',
    'post.held',
    'workspace.captured',
    'workspace.removed',
    'workspace.archived',
    'workspace.kept',
    'workspace.cleanup_failed',
    'session.closed',
  ],
  each: (document, event) => {
    const { status: before } = document.turn_snapshot
    const status = turnStatusAfter(before, event) ?? before
    return status === before ? document : inTurn(document, { status })
  },
})

function keysOf({ subject, data }: RecordedEvent): readonly string[] {
  return 'turn_number' in data ? [turnRef(subject, data.turn_number)] : []
}

function inTurn(document: AuditDocument, change: Partial<TurnSnapshot>): AuditDocument {
  const { session_id, turn_number, turn_snapshot, capability_snapshot, tool_choice_audit, tool_calls } = document
  return {
    session_id,
    turn_number,
    turn_snapshot: changed(turn_snapshot, change),
    capability_snapshot,
    tool_choice_audit,
    tool_calls,
  }
}

function cut(document: AuditDocument, event: TurnCut): AuditDocument {
  const { turn_snapshot: turn } = document
  const { data, time } = event
  return inTurn(document, {
    ended_at: turn.ended_at ?? time,
    duration_ms: data.duration_ms ?? turn.duration_ms,
    last_activity: data.last_activity ?? turn.last_activity,
    stdout: data.stdout?.artifact ?? turn.stdout,
    stderr: data.stderr?.artifact ?? turn.stderr,
    turn_outcome: cutOutcome(event) ?? turn.turn_outcome,
    outcome_reason: cutReason(event),
  })
}

function opened({ data, subject, time }: Recorded<'turn.started'>): AuditDocument {
  return {
    session_id: subject,
    turn_number: data.turn_number,
    turn_snapshot: {
      kind: data.kind,
      task: data.task,
      status: 'running',
      started_at: time,
      ended_at: null,
      turn_timeout_ms: data.turn_timeout_ms,
      stall_window_ms: data.stall_window_ms,
      read_file_lines_max_lines: data.read_file_lines_max_lines,
      process_id: null,
      exit_code: null,
      signal: null,
      duration_ms: null,
      last_activity: null,
      prompt: data.prompt,
      request: data.request,
      response: null,
      response_issues: [],
      stdout: null,
      stderr: null,
      response_status: null,
      summary: null,
      turn_outcome: null,
      outcome_reason: null,
      evidence_refs: [],
    },
    capability_snapshot: data.capabilities,
    tool_choice_audit: data.tool_choice,
    tool_calls: [],
  }
}

/** Copies field by field: with so many of them V8 does that some twenty times faster than it spreads an object. */
function changed(from: TurnSnapshot, change: Partial<TurnSnapshot>): TurnSnapshot {
  const copy: TurnSnapshot = {
    kind: from.kind,
    task: from.task,
    status: from.status,
    started_at: from.started_at,
    ended_at: from.ended_at,
    turn_timeout_ms: from.turn_timeout_ms,
    stall_window_ms: from.stall_window_ms,
    read_file_lines_max_lines: from.read_file_lines_max_lines,
    process_id: from.process_id,
    exit_code: from.exit_code,
    signal: from.signal,
    duration_ms: from.duration_ms,
    last_activity: from.last_activity,
    prompt: from.prompt,
    request: from.request,
    response: from.response,
    response_issues: from.response_issues,
    stdout: from.stdout,
    stderr: from.stderr,
    response_status: from.response_status,
    summary: from.summary,
    turn_outcome: from.turn_outcome,
    outcome_reason: from.outcome_reason,
    evidence_refs: from.evidence_refs,
  }
  return Object.assign(copy, change)
}
