import { z } from 'zod'
import type { StartInput } from './start-input.ts'
import { MODEL_CLASS_DEFAULTS, type WorkflowConfig } from './workflow-config.ts'

/** Every number that bounds a session, after workflow, model class and request have had their say. Milliseconds or counts. */
export const limitsSchema = z.object({
  max_turns: z.int().min(1),
  turn_timeout_ms: z.int().min(1000),
  stall_window_ms: z.int().describe('<= 0: no stall detection'),
  max_stall_restarts: z.int().min(0),
  initial_backoff_ms: z.int().min(0),
  max_retry_backoff_ms: z.int().min(0),
  hold_ms: z.int().min(0),
  read_file_lines_max_lines: z.int().min(1),
})
export type Limits = z.output<typeof limitsSchema>

export function effectiveLimits(
  config: WorkflowConfig,
  request: Pick<StartInput, 'max_turns' | 'turn_timeout_ms'>,
): Limits {
  const byClass = MODEL_CLASS_DEFAULTS[config.model.class]
  return {
    max_turns: request.max_turns ?? config.executor.max_turns,
    turn_timeout_ms: request.turn_timeout_ms ?? config.executor.turn_timeout_ms ?? byClass.turn_timeout_ms,
    stall_window_ms: config.liveness.stall_window_ms ?? byClass.stall_window_ms,
    max_stall_restarts: config.liveness.max_stall_restarts ?? byClass.max_stall_restarts,
    initial_backoff_ms: config.liveness.initial_backoff_ms ?? byClass.initial_backoff_ms,
    max_retry_backoff_ms: config.liveness.max_retry_backoff_ms ?? byClass.max_retry_backoff_ms,
    hold_ms: config.blocked.hold_ms,
    read_file_lines_max_lines: config.budgets.read_file_lines_max_lines ?? byClass.read_file_lines_max_lines,
  }
}

/**
 * Wait before the n-th consecutive restart (n from 1): `min(initial * 2^(n-1), max_retry_backoff_ms, stall_window_ms)`.
 * A disabled stall window does not bound it.
 */
export function backoffMs(limits: Limits, consecutive: number): number {
  const doubled = limits.initial_backoff_ms === 0 ? 0 : limits.initial_backoff_ms * 2 ** (consecutive - 1)
  const window = limits.stall_window_ms > 0 ? limits.stall_window_ms : Number.POSITIVE_INFINITY
  return Math.min(doubled, limits.max_retry_backoff_ms, window)
}
