/** What every effect is given. */
import type { SessionContext } from '../../machines/context.ts'
import { contextOf } from '../../machines/decider.ts'
import type { Intent, IntentOf, IntentType } from '../../machines/intents.ts'
import type { EffectResult } from '../../machines/commands.ts'
import type { EventData } from '../../events/session-events.ts'
import type { Workspace } from '../../events/parts.ts'
import { SwarmError } from '../errors.ts'
import type { EffectScope } from '../effect-scope.ts'
import type { WorkflowConfig } from '../../events/workflow-config.ts'
import type { Host, RunnerPorts } from '../ports.ts'
import type { RunnerSettings } from '../runner-settings.ts'
import { processEnvironment, type ProcessEnvironment } from './environment.ts'
import type { Upload } from './storing.ts'

export type EffectInput<T extends IntentType> = {
  intent: IntentOf<T>
  scope: EffectScope
  ports: RunnerPorts
  settings: RunnerSettings
  /** Begun by effects of this session, and perhaps not stored yet. */
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
