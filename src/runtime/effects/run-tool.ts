import { redactDeep } from '../../events/redaction.ts'
import { toTimestamp } from '../../events/timestamp.ts'
import { isSwarmError, SwarmError } from '../errors.ts'
import {
  contextIn,
  environmentIn,
  markerOf,
  reapLeftover,
  startedIn,
  workspaceIn,
  type Effect,
  type EffectInput,
} from './effect.ts'
import { catalogIn } from './session-catalog.ts'
import type { ToolCall } from '../../events/parts.ts'
import type { ToolOutcome } from '../ports.ts'

type Input = EffectInput<'runTool'>

/** One tool call of the turn's answer. Whatever goes wrong is the call's result; the session goes on. */
export const runTool: Effect<'runTool'> = async (input) => {
  const { intent, scope, ports } = input
  const call = contextIn(scope).turn?.response?.tool_calls[intent.params.call]
  if (call === undefined) throw new SwarmError('runner_error', `turn has no tool call ${intent.params.call}`)
  await reapLeftover(input)
  const began = { at: ports.clock.now(), monotonic: ports.clock.monotonic() }
  const outcome = await runCall(input, call)
  if (scope.signal.aborted && scope.signal.reason !== 'stop') return null
  return {
    type: 'TOOL_FINISHED',
    call: intent.params.call,
    tool_name: call.name,
    input_sha256: ports.sha256(JSON.stringify(call.input)),
    ...redactDeep(outcome, environmentIn(input).secrets),
    started_at: toTimestamp(began.at),
    ended_at: toTimestamp(ports.clock.now()),
    duration_ms: ports.clock.monotonic() - began.monotonic,
  }
}

async function runCall(input: Input, call: ToolCall): Promise<ToolOutcome> {
  const { intent, scope, ports } = input
  if (scope.signal.aborted) return refused('aborted', 'the session was asked to stop')
  const unavailable = whyUnavailable(input, call.name)
  if (unavailable !== null) return refused('tool_unavailable', `${call.name} is not available: ${unavailable}`)
  try {
    await ports.workspaces.verify(workspaceIn(scope))
  } catch (error) {
    if (!isSwarmError(error, 'workspace_failed')) throw error
    return refused('workspace_failed', error.message)
  }
  const { env, secrets } = environmentIn(input)
  return ports.tools.run({
    name: call.name,
    input: call.input,
    workspace: workspaceIn(scope),
    env,
    secrets,
    readLinesMax: startedIn(scope).limits.read_file_lines_max_lines,
    marker: markerOf(intent),
    signal: scope.signal,
  })
}

/** A known tool that this session's catalog leaves out; unknown ones are the tools' own to refuse. */
function whyUnavailable({ scope, ports }: Input, name: string): string | null {
  const { snapshot } = catalogIn(scope, ports)
  return snapshot.unavailable_tools.find((tool) => tool.name === name)?.reason_code ?? null
}

function refused(code: string, message: string): ToolOutcome {
  return { ok: false, error: { code, message } }
}
