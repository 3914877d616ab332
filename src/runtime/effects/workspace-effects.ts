import { isSwarmError } from '../errors.ts'
import { promptVariables } from './prompt-variables.ts'
import { contextIn, sessionIn, startedIn, workspaceIn, type Effect } from './effect.ts'

/** The prompt is rendered once before anything is made: a broken template starts no process. */
export const createWorkspace: Effect<'createWorkspace'> = async ({ scope, ports }) => {
  const { workspace, config, prompt_template } = startedIn(scope)
  try {
    await ports.workflows.render(prompt_template, promptVariables({ context: contextIn(scope), tools: [], recall: [] }))
    const made = await ports.workspaces.create({
      sessionId: sessionIn(scope),
      name: workspace.name,
      root: workspace.root,
      sourcePath: workspace.source_path,
      source: config.workspace.source,
    })
    return { type: 'WORKSPACE_CREATED', ...made }
  } catch (error) {
    if (isSwarmError(error, 'template_error')) {
      return { type: 'SESSION_UNOPENABLE', reason_code: 'template_error', summary: error.message }
    }
    if (!isSwarmError(error, 'workspace_failed')) throw error
    return { type: 'WORKSPACE_FAILED', path: null, error: error.message }
  }
}

/** Captures before anything is removed: work is never thrown away. */
export const captureWorkspace: Effect<'captureWorkspace'> = async ({ scope, ports }) => {
  const directory = await ports.scratch.turnDirectory(sessionIn(scope), 0)
  try {
    const captured = await ports.workspaces.capture(workspaceIn(scope), directory)
    if (captured === null) return { type: 'CLEANUP_FAILED', error: 'there was nothing to capture from' }
    const { patchFile, ...rest } = captured
    const patch = patchFile === null ? null : await ports.artifacts.putFile(patchFile)
    return { type: 'WORKSPACE_CAPTURED', ...rest, patch }
  } catch (error) {
    if (!isSwarmError(error, 'capture_failed') && !isSwarmError(error, 'workspace_failed')) throw error
    return { type: 'CLEANUP_FAILED', error: error.message }
  }
}

export const disposeWorkspace: Effect<'disposeWorkspace'> = async ({ intent, scope, ports }) => {
  try {
    const done = await ports.workspaces.dispose(workspaceIn(scope), intent.params.mode)
    if (done.kind === 'removed') return { type: 'WORKSPACE_REMOVED', path: done.path }
    if (done.kind === 'kept')
      return { type: 'WORKSPACE_KEPT', path: done.path, reason: whyKept(contextIn(scope).request?.auto_cleanup) }
    return { type: 'WORKSPACE_ARCHIVED', path: done.path, archive: null, archive_path: done.archivePath }
  } catch (error) {
    if (!isSwarmError(error, 'cleanup_failed') && !isSwarmError(error, 'workspace_failed')) throw error
    return { type: 'CLEANUP_FAILED', error: error.message }
  }
}

function whyKept(autoCleanup: boolean | undefined): string {
  return autoCleanup === false ? 'auto_cleanup is off' : 'the workflow says keep'
}
