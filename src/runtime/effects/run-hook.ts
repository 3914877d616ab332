import { ENDED_BY_STOP } from '../../events/terms.ts'
import { redactText } from '../../events/redaction.ts'
import { toTimestamp } from '../../events/timestamp.ts'
import { isSwarmError } from '../errors.ts'
import { contextIn, environmentIn, markerOf, reapLeftover, startedIn, workspaceIn, type Effect } from './effect.ts'
import { sessionVariables } from './environment.ts'

/** Runs a hook of the workflow in the workspace. A hook must be repeatable: after a crash it is run again. */
export const runHook: Effect<'runHook'> = async (input) => {
  const { intent, scope, ports } = input
  const { hook } = intent.params
  const { hooks } = startedIn(scope).config
  const started = ports.clock.now()
  const base = { type: 'HOOK_FINISHED', hook, started_at: toTimestamp(started) } as const
  await reapLeftover(input)
  try {
    await ports.workspaces.verify(workspaceIn(scope))
  } catch (error) {
    if (!isSwarmError(error, 'workspace_failed')) throw error
    return { ...base, ok: false, exit_code: null, timed_out: false, output: '', duration_ms: 0, error: error.message }
  }
  const { env, secrets } = environmentIn(input)
  const result = await ports.shell.run({
    command: hooks[hook] ?? 'true',
    cwd: workspaceIn(scope).path,
    env: { ...env, ...sessionVariables(contextIn(scope)) },
    marker: markerOf(intent),
    timeoutMs: hooks.timeout_ms,
    secrets,
    signal: scope.signal,
  })
  if (scope.signal.aborted && scope.signal.reason !== 'stop') return null
  return {
    ...base,
    ok: result.ended === 'exited' && result.exitCode === 0,
    exit_code: result.exitCode,
    timed_out: result.ended === 'timed_out',
    output: joined(result.stdout.tail, result.stderr.tail),
    duration_ms: result.durationMs,
    ...(result.ended === 'aborted' ? { error: ENDED_BY_STOP } : {}),
    ...(result.error === null ? {} : { error: redactText(result.error, secrets) }),
  }
}

export function joined(stdout: string, stderr: string): string {
  return [stdout, stderr].filter((text) => text !== '').join('\n')
}
