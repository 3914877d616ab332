/** Schemas of the parts that several events carry. */
import { z } from 'zod'
import { SESSION_ID_PATTERN, SESSION_ID_WORDS } from './ids.ts'

export const sessionIdSchema = z.string().regex(SESSION_ID_PATTERN, `expected ${SESSION_ID_WORDS}`)

/** A stored artifact: its content lies in the artifact store under `sha256-<digest>`. */
export const artifactRefSchema = z.object({
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.int().min(0),
})
export type ArtifactRef = z.output<typeof artifactRefSchema>

/** What one output stream of a process left behind: a clipped tail in the event, the whole as an artifact. */
export const outputSchema = z.object({
  tail: z.string().describe('the last 4 KiB at most, redacted'),
  bytes: z.int().min(0).describe('bytes seen in all'),
  clipped: z.boolean().describe('the tail is not all of it'),
  artifact: artifactRefSchema.nullable().describe('the whole output as kept; null when the tail is all of it'),
})
export type Output = z.output<typeof outputSchema>

export const checkResultSchema = z.object({
  name: z.string(),
  kind: z.enum(['command', 'file_exists', 'files_changed', 'no_uncommitted_changes']),
  ok: z.boolean(),
  exit_code: z.int().nullable(),
  timed_out: z.boolean(),
  output: z.string().describe('clipped output or evidence, redacted'),
  duration_ms: z.number().min(0),
})
export type CheckResult = z.output<typeof checkResultSchema>

export const toolCallSchema = z.object({
  name: z.string().min(1),
  input: z.record(z.string(), z.unknown()).default({}),
})
export type ToolCall = z.output<typeof toolCallSchema>

/** What an executor of protocol `ace` writes to its response file. Unknown fields are ignored. */
export const executorResponseSchema = z.object({
  status: z.enum(['continue', 'done', 'blocked', 'failed']).describe('what shall happen next'),
  summary: z
    .string()
    .refine((text) => text.trim() !== '', 'expected a non-blank string')
    .describe('what this turn came to'),
  next_task: z.string().nullish().describe("the next turn's task; absent or blank keeps the current one"),
  tool_calls: z
    .array(toolCallSchema)
    .default([])
    .describe('run in order after the turn; results go into the next request'),
  evidence_refs: z.array(z.string()).default([]).describe('what supports the summary'),
})
export type ExecutorResponse = z.output<typeof executorResponseSchema>

/** One broken field of a response. */
export const responseIssueSchema = z.object({ path: z.string(), message: z.string() })
export type ResponseIssue = z.output<typeof responseIssueSchema>

export const toolErrorSchema = z.object({ code: z.string(), message: z.string() })

export const toolResultSchema = z.object({
  tool_name: z.string(),
  ok: z.boolean(),
  output: z.unknown().optional(),
  error: toolErrorSchema.optional(),
  started_at: z.string(),
  ended_at: z.string(),
})
export type ToolResult = z.output<typeof toolResultSchema>

export const COST_CLASSES = ['light', 'medium', 'heavy'] as const
export const UNAVAILABLE_REASONS = ['policy_disabled', 'workspace_disabled', 'heavy_for_small_local'] as const

/** Which tools this turn was offered and why others were not. */
export const capabilitySnapshotSchema = z.object({
  tools: z.array(z.object({ name: z.string(), cost_class: z.enum(COST_CLASSES) })),
  unavailable_tools: z.array(z.object({ name: z.string(), reason_code: z.enum(UNAVAILABLE_REASONS) })),
})
export type CapabilitySnapshot = z.output<typeof capabilitySnapshotSchema>

/** How the offered tools were ranked for this turn. */
export const toolChoiceAuditSchema = z.object({
  priority_tools: z.array(z.string()),
  demoted_tools: z.array(z.object({ name: z.string(), reason: z.string() })),
  selected_budget: z.object({ name: z.string(), max_lines: z.int().min(1) }),
})
export type ToolChoiceAudit = z.output<typeof toolChoiceAuditSchema>

export const TURN_KINDS = ['first', 'continuation', 'stall_restart', 'interrupted', 'stop_check'] as const
export type TurnKind = (typeof TURN_KINDS)[number]

export const TURN_OUTCOMES = ['escalation_blocker', 'no_op_success', 'meaningful_completion'] as const
export type TurnOutcome = (typeof TURN_OUTCOMES)[number]

export const REASON_CODES = [
  'done',
  'executor_failed',
  'executor_blocked',
  'preflight_blocked',
  'stop_checks_failed',
  'stall_restart_exhausted',
  'turn_timeout',
  'invalid_response',
  'template_error',
  'workspace_failed',
  'before_run_failed',
  'max_turns_exceeded',
  'stop_requested',
  'runner_error',
] as const
export type ReasonCode = (typeof REASON_CODES)[number]

export const POST_KINDS = ['intent', 'progress', 'blocker', 'completion'] as const
export type PostKind = (typeof POST_KINDS)[number]

/** Where the session's workspace is and what it was made from. */
export const workspaceSchema = z.object({
  path: z.string().describe('canonical path'),
  root: z.string().describe('canonical path of the root that holds it; the source itself for in-place'),
  source: z.enum(['worktree', 'copy', 'empty', 'in-place']),
  source_path: z.string().describe('canonical path'),
  base_commit: z.string().nullable(),
  branch: z.string().nullable(),
  session_id: z.string().optional().describe('whose it is: a name can be used again once its session is over'),
})
export type Workspace = z.output<typeof workspaceSchema>

/** The captured work of a session. */
export const captureSchema = z.object({
  format: z.enum(['patch', 'archive']).describe('patch: git binary diff; archive: gzipped tar of the changed files'),
  base_commit: z.string().nullable(),
  head_commit: z.string().nullable(),
  files: z.array(z.object({ path: z.string(), change: z.enum(['added', 'modified', 'deleted', 'type_changed']) })),
  patch: artifactRefSchema.nullable().describe('null when nothing changed'),
})
export type Capture = z.output<typeof captureSchema>
