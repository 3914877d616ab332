import type { SessionContext } from '../../machines/context.ts'
import type { ToolDescription } from '../ports.ts'
import type { RecallEntry } from './recall.ts'

/** The variables of the prompt template for the turn that comes next. All are always there; unknown ones are an error. */
export function promptVariables(given: {
  context: SessionContext
  tools: readonly ToolDescription[]
  recall: readonly RecallEntry[]
}): Record<string, unknown> {
  const { context } = given
  const { request } = context
  const { config, limits } = context.started ?? {}
  return {
    task: context.task,
    session: {
      id: request?.session_id ?? null,
      workspace_path: context.workspace?.path ?? null,
      objective_id: request?.objective_id ?? null,
      tracker_item_id: request?.tracker_item_id ?? null,
    },
    turn: { number: context.turnsStarted + 1, max: limits?.max_turns ?? 0, kind: context.nextKind },
    continuity: config?.context.continuity === false ? [] : context.continuity,
    recall: given.recall,
    tools: given.tools,
    previous_tool_calls: context.previousToolCalls,
    stall: context.stall,
    guidance: context.guidance === '' ? null : context.guidance,
    failed_checks: context.failedChecks,
    context: request?.context ?? {},
  }
}
