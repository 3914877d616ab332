/**
 * The vocabulary: every fact that can be in a session's trail, by type, with the schema of its `data`.
 * Types are `noun.verb-past`; the noun is the last token of the event's subject.
 * Histories are for ever: a schema may gain optional fields; anything else is a new version with an upcaster (catalog.ts).
 */
import { z } from 'zod'
import { limitsSchema } from './limits.ts'
import {
  artifactRefSchema,
  capabilitySnapshotSchema,
  captureSchema,
  checkResultSchema,
  executorResponseSchema,
  outputSchema,
  POST_KINDS,
  REASON_CODES,
  responseIssueSchema,
  toolChoiceAuditSchema,
  toolErrorSchema,
  TURN_KINDS,
  TURN_OUTCOMES,
  workspaceSchema,
} from './parts.ts'
import { startInputSchema } from './start-input.ts'
import { OUTCOMES } from './terms.ts'
import { emitToSchema, workflowConfigSchema } from './workflow-config.ts'

const timestamp = z.string().describe('RFC 3339 UTC with milliseconds')
const turnNumber = z.int().min(1)
const durationMs = z.number().min(0)
const pathOrError = z.object({ path: z.string(), reason: z.string().optional() })
const request = z.object({ by: z.string().describe('who asked'), reason: z.string().optional() })
const verdict = z.object({
  reason_code: z.enum(REASON_CODES),
  summary: z.string(),
  verified: z.boolean().nullable().optional().describe('stop checks: passed, failed, or none to run'),
})

/** Why a turn ended without an answer, and what that means for the next one. */
const cutTurn = z.object({
  turn_number: turnNumber,
  duration_ms: durationMs.optional(),
  last_activity: timestamp.nullable(),
  stdout: outputSchema.optional(),
  stderr: outputSchema.optional(),
})
const restart = z.object({
  restart: z.int().min(1).describe('this is the n-th consecutive one'),
  restarts_max: z.int().min(0),
  backoff_ms: z.int().min(0).nullable().describe('null: restarts are exhausted'),
  due_at: timestamp.nullable().describe('when the next turn may start; null: restarts are exhausted'),
})

/** The schema of each type's data, in its newest version. */
export const eventSchemas = {
  'start.requested': startInputSchema,
  'session.claimed': z.object({
    runner_id: z.string(),
    epoch: z.int().min(1),
    host: z.string(),
    pid: z.int(),
  }),
  'session.started': z.object({
    workflow: z.object({
      path: z.string().nullable().describe('null: given on the command line'),
      digest: z.string().describe('sha256 of the text'),
    }),
    config: workflowConfigSchema,
    prompt_template: z.string(),
    limits: limitsSchema,
    output: z.object({
      emit_to: emitToSchema,
      silent_unless_blocked: z.boolean(),
      require_approval_before_emit: z.boolean(),
    }),
    workspace: z.object({
      name: z.string(),
      root: z.string(),
      source_path: z.string(),
    }),
  }),
  'workspace.created': workspaceSchema,
  'workspace.failed': z.object({ path: z.string().nullable(), error: z.string() }),
  'checks.passed': z.object({ stage: z.enum(['before_run', 'stop']), checks: z.array(checkResultSchema) }),
  'checks.failed': z.object({ stage: z.enum(['before_run', 'stop']), checks: z.array(checkResultSchema) }),
  'hook.finished': z.object({
    hook: z.enum(['after_create', 'before_run', 'after_run', 'before_remove']),
    ok: z.boolean(),
    exit_code: z.int().nullable(),
    timed_out: z.boolean(),
    output: z.string().describe('clipped, redacted'),
    started_at: timestamp,
    duration_ms: durationMs,
    error: z.string().optional(),
  }),
  'turn.started': z.object({
    turn_number: turnNumber,
    kind: z.enum(TURN_KINDS),
    task: z.string(),
    turn_timeout_ms: z.int().min(1000).describe('wall-clock budget of this turn'),
    stall_window_ms: z.int(),
    prompt: artifactRefSchema,
    request: artifactRefSchema,
    directory: z.string().describe("the turn's private directory on the runner's host"),
    capabilities: capabilitySnapshotSchema,
    tool_choice: toolChoiceAuditSchema,
    read_file_lines_max_lines: z.int().min(1),
  }),
  'turn.spawned': z.object({
    turn_number: turnNumber,
    pid: z.int(),
    pgid: z.int(),
    process_started_at: z
      .string()
      .describe("the system's own start time of the process, to tell it from a later one with the same pid"),
  }),
  'turn.progressed': z.object({
    turn_number: turnNumber,
    last_activity: timestamp,
    stdout_bytes: z.int().min(0),
    stderr_bytes: z.int().min(0),
  }),
  'turn.exited': z.object({
    turn_number: turnNumber,
    exit_code: z.int().nullable(),
    signal: z.string().nullable(),
    duration_ms: durationMs,
    stdout: outputSchema,
    stderr: outputSchema,
    response: executorResponseSchema.nullable(),
    response_artifact: artifactRefSchema.nullable(),
    issues: z.array(responseIssueSchema).describe('what made the response invalid; empty when it is valid'),
  }),
  'turn.stalled': cutTurn.extend({ ...restart.shape, stall_window_ms: z.int() }),
  'turn.timed_out': cutTurn.extend({ turn_timeout_ms: z.int() }),
  'turn.interrupted': cutTurn.extend({ ...restart.shape, reason: z.string() }),
  'turn.stopped': cutTurn.extend({ reason: z.string() }),
  'tool.finished': z.object({
    turn_number: turnNumber,
    call: z.int().min(0).describe("index in the turn's tool_calls"),
    tool_name: z.string(),
    input_sha256: z.string(),
    ok: z.boolean(),
    output: z.unknown().optional(),
    error: toolErrorSchema.optional(),
    started_at: timestamp,
    ended_at: timestamp,
    duration_ms: durationMs,
  }),
  'turn.completed': z.object({
    turn_number: turnNumber,
    status: z.enum(['continue', 'done', 'blocked', 'failed']),
    outcome: z.enum(TURN_OUTCOMES),
    outcome_reason: z.string(),
    summary: z.string(),
    evidence_refs: z.array(z.string()),
  }),
  'stop.requested': request,
  'resume.requested': request.extend({ guidance: z.string() }),
  'approval.granted': request.extend({ post_id: z.string() }),
  'approval.denied': request.extend({ post_id: z.string() }),
  'session.completed': verdict,
  'session.failed': verdict,
  'session.blocked': verdict.extend({ hold_ms: z.int().min(0), hold_until: timestamp.nullable() }),
  'session.stopped': verdict,
  'session.resumed': z.object({ guidance: z.string() }),
  'post.held': z.object({ post_id: z.string(), kind: z.enum(POST_KINDS), summary: z.string() }),
  'workspace.captured': captureSchema,
  'workspace.removed': pathOrError,
  'workspace.archived': pathOrError.extend({
    archive: artifactRefSchema.nullable(),
    archive_path: z.string().nullable(),
  }),
  'workspace.kept': pathOrError,
  'workspace.cleanup_failed': z.object({ path: z.string(), error: z.string() }),
  'session.closed': z.object({ outcome: z.enum(OUTCOMES), turns: z.int().min(0), duration_ms: durationMs }),
} as const satisfies Record<string, z.ZodType>

/** The name of a type: `noun.verb-past`. */
export type EventType = keyof typeof eventSchemas
/** What events of a type carry. */
export type EventData<T extends EventType> = z.output<(typeof eventSchemas)[T]>

/** Type and data of an event, before it is sealed into its envelope. */
export type SessionFact = { [T in EventType]: { type: T; data: EventData<T> } }[EventType]

/** Every type there is. */
export const EVENT_TYPES = Object.keys(eventSchemas) as EventType[]

/** Types that coordinators may write; all else is the runner's. */
export const COORDINATOR_NOUNS = ['start', 'stop', 'resume', 'approval'] as const

export function isCoordinators(type: string): boolean {
  return (COORDINATOR_NOUNS as readonly string[]).includes(nounOf(type))
}

export function nounOf(type: string): string {
  const dot = type.indexOf('.')
  return dot === -1 ? type : type.slice(0, dot)
}
