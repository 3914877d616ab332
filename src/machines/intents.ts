/**
 * Effect intents: the work the machine asks for, by name with parameters. An intent is pending as long as the state
 * that asked for it on entry is active (XState's own rule for invoked work); its id is `<event id>/<index>`.
 */
import type { CheckStage, HookName, OnCleanup } from '../events/workflow-config.ts'
import type { TurnKind } from '../events/parts.ts'

type NoParams = Readonly<Record<string, never>>

export type IntentParams = {
  /** Read the workflow, render the prompt once, fix limits. */
  openSession: NoParams
  createWorkspace: NoParams
  runHook: { hook: HookName }
  runChecks: { stage: CheckStage }
  /** Context, catalog, prompt, files; not before `due_at` (the backoff after a stall). */
  prepareTurn: { turn_number: number; kind: TurnKind; due_at: string | null }
  execTurn: { turn_number: number }
  runTool: { turn_number: number; call: number }
  settleTurn: NoParams
  holdPost: NoParams
  conclude: NoParams
  endHold: { due_at: string }
  resumeSession: NoParams
  captureWorkspace: NoParams
  disposeWorkspace: { mode: OnCleanup }
  closeSession: NoParams
}

export type IntentType = keyof IntentParams

export type Intent = {
  [T in IntentType]: {
    /** `<id of the event that asked for it>/<index>` */
    id: string
    type: T
    params: IntentParams[T]
    /** Path of the state that asked for it. */
    owner: string
  }
}[IntentType]
export type IntentOf<T extends IntentType> = Extract<Intent, { type: T }>

/** Work that a stop ends at once; everything else is short or must be finished. */
export const ABORTED_BY_STOP: ReadonlySet<IntentType> = new Set([
  'runHook',
  'runChecks',
  'prepareTurn',
  'execTurn',
  'runTool',
])
