import { effectiveLimits } from '../../events/limits.ts'
import type { StartInput } from '../../events/start-input.ts'
import { isSwarmError, SwarmError } from '../errors.ts'
import type { Workflow } from '../ports.ts'
import { contextIn, type Effect, type EffectInput } from './effect.ts'

/** Reads the workflow once and fixes every limit. */
export const openSession: Effect<'openSession'> = async (input) => {
  const { request } = contextIn(input.scope)
  if (request === null) throw new SwarmError('runner_error', 'the session has no request')
  try {
    const workflow = await input.ports.workflows.load()
    return { type: 'SESSION_OPENED', ...startedFrom(input, workflow, request) }
  } catch (error) {
    if (!isSwarmError(error)) throw error
    return { type: 'SESSION_UNOPENABLE', reason_code: 'runner_error', summary: `${error.code}: ${error.message}` }
  }
}

function startedFrom({ ports, settings }: EffectInput<'openSession'>, workflow: Workflow, request: StartInput) {
  const { config } = workflow
  const { root } = config.workspace
  return {
    workflow: { path: workflow.path, digest: workflow.digest },
    config,
    prompt_template: workflow.template,
    limits: effectiveLimits(config, request),
    output: {
      emit_to: request.emit_to ?? config.output.emit_to,
      silent_unless_blocked: request.silent_unless_blocked ?? config.output.silent_unless_blocked,
      require_approval_before_emit: request.require_approval_before_emit ?? config.output.require_approval_before_emit,
    },
    workspace: {
      name: request.workspace_name ?? request.session_id,
      root: root === undefined ? settings.workspaceRoot : ports.workflows.resolvePath(workflow, root),
      source_path: request.source_path ?? settings.sourceDir,
    },
  }
}
