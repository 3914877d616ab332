/** What every effect is given. */
import type { SessionContext } from '../../machines/context.ts'
import { contextOf } from '../../machines/decider.ts'
import type { Intent, IntentOf, IntentType } from '../../machines/intents.ts'
import type { EffectResult } from '../../machines/commands.ts'
import type { EventData } from '../../events/session-events.ts'
import type { ArtifactRef, Output, Workspace } from '../../events/parts.ts'
import { isSwarmError, SwarmError } from '../errors.ts'
import type { EffectScope } from '../effect-scope.ts'
import type { WorkflowConfig } from '../../events/workflow-config.ts'
import type { CapturedOutput, Host, RunnerPorts } from '../ports.ts'
import type { RunnerSettings } from '../runner-settings.ts'
import { processEnvironment, type ProcessEnvironment } from './environment.ts'

export type Upload = { content: string; stored: Promise<ArtifactRef> }

export type EffectInput<T extends IntentType> = {
  intent: IntentOf<T>
  scope: EffectScope
  ports: RunnerPorts
  settings: RunnerSettings
  /** Uploads begun before the event that names them and not stored yet; awaited before the turn's result is recorded. */
  uploads: Set<Upload>
}
export type Effect<T extends IntentType> = (input: EffectInput<T>) => Promise<EffectResult | null>

export function contextIn(scope: EffectScope): SessionContext {
  return contextOf(scope.state())
}

export function sessionIn(scope: EffectScope): string {
  return contextIn(scope).request?.session_id ?? ''
}

export function startedIn(scope: EffectScope): EventData<'session.started'> {
  const { started } = contextIn(scope)
  if (started === null) throw new SwarmError('runner_error', 'the session has not been started')
  return started
}

export function workspaceIn(scope: EffectScope): Workspace {
  const { workspace } = contextIn(scope)
  if (workspace === null) throw new SwarmError('runner_error', 'the session has no workspace')
  return workspace
}

/** A session's environment is asked for several times in each turn and stays what it is. */
const environments = new WeakMap<WorkflowConfig, { runner: Host['environment']; given: ProcessEnvironment }>()

export function environmentIn({ scope, ports }: { scope: EffectScope; ports: RunnerPorts }): ProcessEnvironment {
  const { config } = startedIn(scope)
  const { environment: runner } = ports.host
  const known = environments.get(config)
  if (known?.runner === runner) return known.given
  const given = processEnvironment(runner, config)
  environments.set(config, { runner, given })
  return given
}

/** Marks the processes of one effect, so that they are found wherever they went; the same after a crash. */
export function markerOf(intent: { id: Intent['id'] }): string {
  return intent.id
}

/** Whatever an earlier runner began for this very effect is ended before it is begun again. */
export async function reapLeftover<T extends IntentType>({ intent, scope, ports }: EffectInput<T>): Promise<void> {
  if (scope.recovered) await ports.shell.reap({ process: null, marker: markerOf(intent) })
}

/** An event's view of one stream: the tail, and a reference to the whole when the tail is not all of it. */
export async function storeOutput(ports: RunnerPorts, output: CapturedOutput): Promise<Output> {
  const whole = output.clipped && output.file !== null
  const artifact = whole && output.file !== null ? await ports.artifacts.putFile(output.file) : null
  return { tail: output.tail, bytes: output.bytes, clipped: output.clipped, artifact }
}

const STORE_WAIT_MS_MIN = 100
const STORE_WAIT_MS_MAX = 2_000

/**
 * Waits out faults that pass (the store can't be reached): what a process has left behind must not be lost for them,
 * and the process must not be run again. Gives up only when the session is not ours any more.
 */
export async function storeSurely<T>(
  { ports, scope }: { ports: RunnerPorts; scope: EffectScope },
  store: () => Promise<T>,
): Promise<T> {
  for (let waitMs = STORE_WAIT_MS_MIN; ; waitMs = Math.min(waitMs * 2, STORE_WAIT_MS_MAX)) {
    try {
      return await store()
    } catch (error) {
      if (!isSwarmError(error) || !error.retryable || scope.signal.reason === 'lost') throw error
      await ports.clock.sleep(waitMs)
    }
  }
}
