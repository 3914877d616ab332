import { z } from 'zod'
import { sessionIdSchema } from './parts.ts'
import { isRecordable, NESTING_MAX } from './recordable.ts'
import { DURATION_MS_MAX, emitToSchema } from './workflow-config.ts'

const nonBlank = z.string().refine((text) => text.trim() !== '', 'expected a non-blank string')
const NOT_RECORDABLE = `expected valid Unicode, finite numbers and at most ${NESTING_MAX} levels`

/** Views have these as keys, which every store must be able to hold. */
export const REFERENCE_CHARS_MAX = 256
const reference = nonBlank
  .refine((text) => text.length <= REFERENCE_CHARS_MAX, `expected at most ${REFERENCE_CHARS_MAX} characters`)
  .refine(isRecordable, 'expected valid Unicode')

/**
 * What a coordinator may ask for. A request never carries a command: what is executed comes from the workflow file
 * on the runner's side only, so unknown keys are refused.
 */
export const startInputSchema = z.strictObject({
  task: nonBlank.refine(isRecordable, 'expected valid Unicode').describe('what the agent shall do'),
  session_id: sessionIdSchema.describe('default: a new UUIDv7'),
  workspace_name: z
    .string()
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/,
      'expected 1 to 128 characters of A-Z a-z 0-9 . _ - starting with a letter or digit',
    )
    .optional()
    .describe('directory name of the workspace; default: the session id'),
  source_path: nonBlank
    .refine(isRecordable, 'expected valid Unicode')
    .optional()
    .describe("the source on the runner's host; default: the runner's source directory"),
  objective_id: reference
    .optional()
    .describe(`what this session contributes to; at most ${REFERENCE_CHARS_MAX} characters`),
  tracker_item_id: reference.optional().describe(`the ticket it works on; at most ${REFERENCE_CHARS_MAX} characters`),
  max_turns: z.int().min(1).optional(),
  turn_timeout_ms: z.int().min(1000).max(DURATION_MS_MAX).optional(),
  auto_cleanup: z.boolean().default(true).describe('false keeps the workspace'),
  context: z
    .record(z.string(), z.unknown())
    .refine(isRecordable, NOT_RECORDABLE)
    .default({})
    .describe('given to the executor as it is'),
  emit_to: emitToSchema.optional(),
  silent_unless_blocked: z.boolean().optional(),
  require_approval_before_emit: z.boolean().optional(),
  labels: z
    .record(z.string(), z.string())
    .refine(isRecordable, NOT_RECORDABLE)
    .default({})
    .describe('for filters; the label lane shares capacity fairly'),
})
/** A request to start a session, complete with defaults: the data of `start.requested`. */
export type StartInput = z.output<typeof startInputSchema>

/** What all sessions of one piece of work share: the tracker item, else the objective, else the session itself. */
export function runRefOf(input: Pick<StartInput, 'session_id' | 'objective_id' | 'tracker_item_id'>): string {
  return input.tracker_item_id ?? input.objective_id ?? input.session_id
}
