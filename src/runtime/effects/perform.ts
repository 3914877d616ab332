/** The one table from intents to what performs them. */
import { toEpochMs } from '../../events/timestamp.ts'
import type { Intent, IntentType } from '../../machines/intents.ts'
import type { Perform } from '../effect-scope.ts'
import type { RunnerPorts } from '../ports.ts'
import type { RunnerSettings } from '../runner-settings.ts'
import type { Effect } from './effect.ts'
import { execTurn } from './exec-turn.ts'
import { openSession } from './open-session.ts'
import { prepareTurn } from './prepare-turn.ts'
import { runChecks } from './run-checks.ts'
import { runHook } from './run-hook.ts'
import { runTool } from './run-tool.ts'
import { finishUploads, type Upload } from './storing.ts'
import { captureWorkspace, createWorkspace, disposeWorkspace } from './workspace-effects.ts'

const effects: { [T in IntentType]: Effect<T> } = {
  openSession,
  createWorkspace,
  runHook,
  runChecks,
  prepareTurn,
  execTurn,
  runTool,
  captureWorkspace,
  disposeWorkspace,
  endHold: async ({ intent, scope, ports, settings }) => {
    const waitMs = toEpochMs(intent.params.due_at) - ports.clock.now()
    if (waitMs > 0) await ports.clock.sleep(waitMs, scope.signal)
    return scope.signal.aborted ? null : { type: 'END_HOLD', by: `runner/${settings.runnerId}` }
  },
  // Steps that only need to be decided: the machine asks, the next fact answers.
  settleTurn: () => Promise.resolve({ type: 'SETTLE_TURN' }),
  holdPost: () => Promise.resolve({ type: 'HOLD_POST' }),
  conclude: () => Promise.resolve({ type: 'CONCLUDE' }),
  resumeSession: () => Promise.resolve({ type: 'RESUME_SESSION' }),
  closeSession: () => Promise.resolve({ type: 'CLOSE' }),
}

const REACHABLE_RETRY_MS = 250

/**
 * Performs the effects of one session. `sure` resolves once the session is ours beyond doubt: a runner that was frozen
 * or cut off begins nothing, neither an effect nor a process within one, before it knows that nobody has taken over.
 */
export function performer(
  ports: RunnerPorts,
  settings: RunnerSettings,
  sure: (signal: AbortSignal) => Promise<boolean>,
): Perform {
  const { shell, log, clock } = ports
  const uploads = new Set<Upload>()
  const mayBegin = async (signal: AbortSignal): Promise<void> => {
    // Certainty comes last: while the log was waited for, somebody else may have taken over.
    for (await sure(signal); !signal.aborted && !log.reachable(); await sure(signal)) {
      await clock.sleep(REACHABLE_RETRY_MS, signal)
    }
  }
  const guarded: RunnerPorts = {
    ...ports,
    shell: {
      reap: (leftover) => shell.reap(leftover),
      run: (run) => shell.run({ ...run, mayBegin: () => mayBegin(run.signal) }),
    },
  }
  return async (intent: Intent, scope) => {
    const effect = effects[intent.type] as Effect<IntentType>
    await mayBegin(scope.signal)
    const input = { intent, scope, ports: guarded, settings, uploads }
    // Named by events that are in the log by now; nothing follows from those before these are stored.
    const named = [...uploads]
    const result = await effect(input)
    if (result !== null) await finishUploads(input, named)
    return result
  }
}
