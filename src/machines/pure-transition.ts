/**
 * XState's transition function without the throw-away actor that its public `transition()` builds on each call:
 * one inert, never started actor serves as the scope of all transitions, 2 to 3 times faster with identical results.
 */
import { createActor, type AnyEventObject, type SnapshotFrom } from 'xstate'
import type { SessionContext } from './context.ts'
import { sessionMachine } from './session-machine.ts'

export type MachineSnapshot = SnapshotFrom<typeof sessionMachine>
export type PlannedAction = { type: string; params: unknown }

let collected: PlannedAction[] = []
type Scope = Parameters<typeof sessionMachine.transition>[2]
let scope: Scope | null = null

function inertScope(): Scope {
  const inert = createActor(sessionMachine)
  return {
    self: inert,
    id: 'session',
    sessionId: 'session',
    logger: () => undefined,
    defer: () => undefined,
    stopChild: () => undefined,
    emit: () => undefined,
    system: inert.system,
    actionExecutor: (action: PlannedAction) => {
      collected.push(action)
    },
  }
}

/** The next snapshot and the actions in order. Runs nothing. Not re-entrant, and never needs to be. */
export function pureTransition(snapshot: MachineSnapshot, event: AnyEventObject): [MachineSnapshot, PlannedAction[]] {
  collected = []
  scope ??= inertScope()
  const next = sessionMachine.transition(snapshot, event as Parameters<typeof sessionMachine.transition>[1], scope)
  return [next, collected]
}

/** XState's own form of a state, of which the path and the context are all that counts. */
export function snapshotAt(path: string, context: SessionContext): MachineSnapshot {
  const value = path.split('.').reduceRight<unknown>((inner, key) => (inner === null ? key : { [key]: inner }), null)
  return sessionMachine.resolveState({ value: value as MachineSnapshot['value'], context })
}
