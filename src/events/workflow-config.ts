/**
 * The workflow file's front matter as a schema: every key of it, its type, range and default.
 * Defaults that depend on `model.class` are left open here and filled in by {@link effectiveLimits}.
 */
import { z } from 'zod'

export const MODEL_CLASSES = ['frontier', 'large_local', 'small_local'] as const
export type ModelClass = (typeof MODEL_CLASSES)[number]

/** Liveness and budget defaults by model class. Milliseconds, except the counts. */
export const MODEL_CLASS_DEFAULTS = {
  frontier: {
    turn_timeout_ms: 300_000,
    stall_window_ms: 120_000,
    max_stall_restarts: 2,
    initial_backoff_ms: 1_000,
    max_retry_backoff_ms: 30_000,
    read_file_lines_max_lines: 2_000,
  },
  large_local: {
    turn_timeout_ms: 600_000,
    stall_window_ms: 240_000,
    max_stall_restarts: 3,
    initial_backoff_ms: 2_000,
    max_retry_backoff_ms: 60_000,
    read_file_lines_max_lines: 400,
  },
  small_local: {
    turn_timeout_ms: 900_000,
    stall_window_ms: 300_000,
    max_stall_restarts: 3,
    initial_backoff_ms: 2_000,
    max_retry_backoff_ms: 60_000,
    read_file_lines_max_lines: 120,
  },
} as const satisfies Record<ModelClass, Record<string, number>>

/** Longest delay a timer can be set to (2^31 - 1 ms, about 24.8 days). */
export const DURATION_MS_MAX = 2_147_483_647
const durationMs = (min: number) => z.int().min(min).max(DURATION_MS_MAX)
/** A pattern rather than a refinement, so that the generated JSON Schema carries the rule too. */
const nonBlank = z.string().regex(/\S/, 'expected a non-blank string')

/** Also of a check that is only a command. */
export const CHECK_TIMEOUT_MS_DEFAULT = 60_000

const checkName = nonBlank.optional().describe('how the check is called in events and views; default: what it checks')
const commandCheckSchema = z.object({
  name: checkName,
  command: nonBlank.describe('shell command, run in the workspace like a hook; ok = exit 0'),
  timeout_ms: durationMs(1).default(CHECK_TIMEOUT_MS_DEFAULT).describe('the check fails when it takes longer'),
})
const fileExistsCheckSchema = z.object({
  name: checkName,
  file_exists: nonBlank.describe('path inside the workspace that must exist'),
})
const filesChangedCheckSchema = z.object({
  name: checkName,
  files_changed: z.object({
    include: z.array(nonBlank).min(1).default(['**']).describe('globs of the changed files that count'),
    min: z.int().min(0).optional().describe('at least so many'),
    max: z.int().min(0).optional().describe('at most so many'),
  }),
})
const noUncommittedCheckSchema = z.object({
  name: checkName,
  no_uncommitted_changes: z.literal(true).describe('git status of the workspace must be clean'),
})

/** The forms of a check that is a map, by the key that names each. A check that is a string is a command. */
export const checkKinds = {
  command: commandCheckSchema,
  file_exists: fileExistsCheckSchema,
  files_changed: filesChangedCheckSchema,
  no_uncommitted_changes: noUncommittedCheckSchema,
} as const

/** Tells a check's kind by the one key that names it, so that an error names that kind's broken key. */
export const checkSchema = z
  .union([nonBlank.transform((command) => ({ command })), z.record(z.string(), z.unknown())])
  .transform((value, context) => {
    const kinds = Object.keys(checkKinds).filter((kind) => kind in value) as (keyof typeof checkKinds)[]
    const [kind] = kinds
    if (kind === undefined || kinds.length > 1) {
      context.addIssue({ code: 'custom', message: `expected exactly one of ${Object.keys(checkKinds).join(', ')}` })
      return z.NEVER
    }
    const parsed = checkKinds[kind].safeParse(value)
    if (parsed.success) return parsed.data
    for (const issue of parsed.error.issues) context.issues.push({ ...issue, input: value } as z.core.$ZodRawIssue)
    return z.NEVER
  })
export type Check = z.output<typeof checkSchema>

export const SINK_PATTERN = /^[a-z][a-z0-9_-]{0,31}$/
export const emitToSchema = z.array(z.string().regex(SINK_PATTERN, 'expected a sink name such as tui or vericify'))

const hook = nonBlank.optional()

export const workflowConfigSchema = z.object({
  runtime: z
    .object({
      mode: z
        .enum(['unattended', 'interactive'])
        .default('unattended')
        .describe('only unattended may run sessions; interactive refuses with not_unattended'),
    })
    .prefault({}),
  executor: z.object({
    command: nonBlank.describe('shell command line run once per turn with sh -c in the workspace'),
    protocol: z.enum(['ace', 'exit-code']).default('ace').describe("how the turn's result is read"),
    max_turns: z.int().min(1).default(6).describe('executor launches per session, stalled ones included'),
    turn_timeout_ms: durationMs(1000).optional().describe('wall-clock budget of one turn; default by model class'),
    env: z
      .union([z.array(nonBlank), z.record(z.string(), z.string())])
      .optional()
      .describe(
        'which variables of the runner reach hooks and the executor (list), or their values (map); default: all but secrets',
      ),
    secrets: z.array(nonBlank).default([]).describe('further variable names whose values are redacted'),
  }),
  model: z
    .object({
      class: z
        .enum(MODEL_CLASSES)
        .default('frontier')
        .describe('picks liveness defaults, read budget and tool catalog'),
    })
    .prefault({}),
  liveness: z
    .object({
      stall_window_ms: z.int().max(DURATION_MS_MAX).optional().describe('longest silence inside a turn; <= 0 disables'),
      max_stall_restarts: z.int().min(0).optional().describe('consecutive stalls tolerated'),
      initial_backoff_ms: durationMs(0).optional().describe('wait before the first restart'),
      max_retry_backoff_ms: durationMs(0).optional().describe('longest wait before a restart'),
    })
    .prefault({}),
  workspace: z
    .object({
      source: z
        .enum(['worktree', 'copy', 'empty', 'in-place'])
        .optional()
        .describe('how the workspace is made; default: worktree in a git repository with a commit, else copy'),
      root: nonBlank
        .optional()
        .describe(
          "directory of all workspaces; relative to the workflow file's directory; default: workspaces in .swarmtrail",
        ),
      on_cleanup: z.enum(['remove', 'archive', 'keep']).default('remove').describe('what cleanup does with it'),
    })
    .prefault({}),
  hooks: z
    .object({
      after_create: hook.describe('runs once when the workspace has been made; failing ends the session'),
      before_run: hook.describe('runs once before the first turn; failing ends the session'),
      after_run: hook.describe('runs exactly once whenever before_run succeeded'),
      before_remove: hook.describe('runs before the workspace is removed'),
      timeout_ms: durationMs(1).default(60_000).describe('for each hook'),
    })
    .prefault({}),
  autonomy: z
    .object({
      before_run: z.array(checkSchema).default([]).describe('checks that must pass before any executor runs'),
      stop: z.array(checkSchema).default([]).describe('checks that must pass before done is believed'),
      on_stop_failure: z
        .enum(['block', 'continue'])
        .default('block')
        .describe('continue feeds the failed checks back as the next task while turns remain'),
    })
    .prefault({}),
  context: z
    .object({
      recall: z.boolean().default(true).describe('give the executor what earlier sessions of this objective found'),
      continuity: z.boolean().default(true).describe('give the executor what earlier turns of this session found'),
    })
    .prefault({}),
  output: z
    .object({
      emit_to: emitToSchema.default(['tui', 'vericify']).describe("where a turn's outcome is posted"),
      silent_unless_blocked: z
        .boolean()
        .default(false)
        .describe('a turn without tool call that did not block posts nothing'),
      require_approval_before_emit: z.boolean().default(false).describe('posts wait for approval'),
    })
    .prefault({}),
  blocked: z
    .object({
      hold_ms: durationMs(0).default(0).describe('how long a blocked session keeps its workspace and waits for resume'),
    })
    .prefault({}),
  tools: z
    .object({
      allow: z.array(nonBlank).optional().describe('only these tools are offered; default: all'),
      deny: z.array(nonBlank).default([]).describe('these tools are not offered'),
    })
    .prefault({}),
  budgets: z
    .object({
      read_file_lines_max_lines: z
        .int()
        .min(1)
        .optional()
        .describe('largest slice read_file_lines returns; default by model class'),
    })
    .prefault({}),
})

/** The front matter after defaults. */
export type WorkflowConfig = z.output<typeof workflowConfigSchema>
export type HookName = 'after_create' | 'before_run' | 'after_run' | 'before_remove'
export type CheckStage = 'before_run' | 'stop'
export type WorkspaceSource = NonNullable<WorkflowConfig['workspace']['source']>
export type OnCleanup = WorkflowConfig['workspace']['on_cleanup']
