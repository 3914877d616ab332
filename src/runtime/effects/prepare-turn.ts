import type { StartInput } from '../../events/start-input.ts'
import { toEpochMs } from '../../events/timestamp.ts'
import type { SessionContext } from '../../machines/context.ts'
import { isSwarmError, SwarmError } from '../errors.ts'
import type { Catalog } from '../tool-catalog.ts'
import { contextIn, environmentIn, sessionIn, startedIn, workspaceIn, type Effect, type EffectInput } from './effect.ts'
import { promptVariables } from './prompt-variables.ts'
import type { RecallEntry } from './recall.ts'
import { catalogIn } from './session-catalog.ts'
import { turnFiles } from './turn-files.ts'
import { upload } from './storing.ts'

/**
 * Everything a turn needs before its process: waits out the backoff, builds context and catalog, renders the prompt,
 * writes the turn's files. (While the turn is recorded it would take several times as long: the log's sync holds up
 * every file that is made.) The artifacts named in the result are on their way.
 */
export const prepareTurn: Effect<'prepareTurn'> = async (input) => {
  const { intent, scope, ports } = input
  if (!(await waitUntilDue(input))) return null
  const context = contextIn(scope)
  const { request } = context
  if (request === null) throw new SwarmError('runner_error', 'the session has no request')
  try {
    await ports.workspaces.verify(workspaceIn(scope))
    const catalog = catalogIn(scope, ports)
    const recall = startedIn(scope).config.context.recall ? await input.settings.recall(request) : []
    const variables = promptVariables({ context, tools: catalog.offered, recall })
    const prompt = await ports.workflows.render(startedIn(scope).prompt_template, variables)
    const directory = await ports.scratch.turnDirectory(sessionIn(scope), intent.params.turn_number)
    const files = turnFiles(ports.scratch, directory)
    const body = `${JSON.stringify(requestBody(context, request, catalog, recall), null, 2)}\n`
    await Promise.all([
      ports.scratch.write(files.prompt, prompt),
      ports.scratch.write(files.request, body),
      ports.scratch.remove(files.response),
    ])
    const { secrets } = environmentIn(input)
    return {
      type: 'TURN_PREPARED',
      prompt: await upload(input, prompt, secrets),
      request: await upload(input, body, secrets),
      directory,
      capabilities: catalog.snapshot,
      tool_choice: catalog.audit,
    }
  } catch (error) {
    if (isSwarmError(error, 'template_error')) {
      return { type: 'TURN_UNPREPARABLE', reason_code: 'template_error', summary: error.message }
    }
    if (isSwarmError(error, 'workspace_failed')) {
      return { type: 'TURN_UNPREPARABLE', reason_code: 'workspace_failed', summary: error.message }
    }
    throw error
  }
}

/** False when the wait was cut short. The due time comes from the log, so a new runner waits only for what is left. */
async function waitUntilDue({ intent, scope, ports }: EffectInput<'prepareTurn'>): Promise<boolean> {
  const { due_at } = intent.params
  const waitMs = due_at === null ? 0 : toEpochMs(due_at) - ports.clock.now()
  if (waitMs > 0) await ports.clock.sleep(waitMs, scope.signal)
  return !scope.signal.aborted
}

/** What the executor reads from `ACE_RUNTIME_REQUEST_FILE`. */
function requestBody(context: SessionContext, request: StartInput, catalog: Catalog, recall: readonly RecallEntry[]) {
  const { config, limits } = context.started ?? {}
  return {
    session_id: request.session_id,
    turn_number: context.turnsStarted + 1,
    max_turns: limits?.max_turns,
    kind: context.nextKind,
    task: context.task,
    workspace_path: context.workspace?.path,
    objective_id: request.objective_id ?? null,
    tracker_item_id: request.tracker_item_id ?? null,
    model_class: config?.model.class,
    tools: catalog.offered.map(({ name, description, input_schema }) => ({ name, description, input_schema })),
    unavailable_tools: catalog.snapshot.unavailable_tools,
    budgets: {
      turn_timeout_ms: limits?.turn_timeout_ms,
      stall_window_ms: limits?.stall_window_ms,
      read_file_lines_max_lines: limits?.read_file_lines_max_lines,
    },
    previous_tool_calls: context.previousToolCalls,
    continuity: config?.context.continuity === false ? [] : context.continuity,
    recall,
    stall: context.stall,
    guidance: context.guidance,
    failed_checks: context.failedChecks,
    context: request.context,
  }
}
