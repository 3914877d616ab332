/** The conditions of the session machine, by name: pure questions to what the session remembers and what has just come. */
import type { SwarmEvent } from '../events/envelope.ts'
import type { HookName } from '../events/workflow-config.ts'
import type { Command, CommandOf } from './commands.ts'
import type { SessionContext } from './context.ts'
import type { IntentParams } from './intents.ts'
import { turnsLeft } from './record.ts'

/** What the machine takes: a command to decide on, or an event to take in. */
export type Input = Command | SwarmEvent
export type GuardArgs = { context: SessionContext; event: Input }

export const guards = {
  epochIsNext: ({ context, event }: GuardArgs) => epochOf(event) === (context.claim?.epoch ?? 0) + 1,
  notStopped: ({ context }: GuardArgs) => context.stop === null,
  stopped: ({ context }: GuardArgs) => context.stop !== null,
  turnsLeft: ({ context }: GuardArgs) => turnsLeft(context),
  isHeldPost: ({ context, event }: GuardArgs) => context.heldPosts.includes(postOf(event)),
  verdictReached: ({ context }: GuardArgs) => context.verdict !== null,
  noPostToHold: ({ context }: GuardArgs) => context.post === null,
  noAfterCreate: ({ context }: GuardArgs) => hookOf(context, 'after_create') === undefined,
  noBeforeRun: ({ context }: GuardArgs) => hookOf(context, 'before_run') === undefined,
  noAfterRun: ({ context }: GuardArgs) =>
    hookOf(context, 'after_run') === undefined || context.workspace === null || !startedRunning(context),
  noBeforeRemove: ({ context }: GuardArgs) =>
    hookOf(context, 'before_remove') === undefined || disposalOf(context) !== 'remove' || !mayDispose(context),
  noChecksBeforeRun: ({ context }: GuardArgs) => context.started?.config.autonomy.before_run.length === 0,
  toolCallsLeft: ({ context }: GuardArgs) =>
    (context.turn?.tool_results.length ?? 0) < (context.turn?.response?.tool_calls.length ?? 0),
  mustVerify: ({ context }: GuardArgs) => context.claimsDone,
  notHeld: ({ context }: GuardArgs) => context.holdUntil === null,
  blockedBeforeRun: ({ context }: GuardArgs) => context.blockedBeforeRun,
  nothingToCapture: ({ context }: GuardArgs) => context.workspace === null || context.workspace.source === 'in-place',
  nothingToDispose: ({ context }: GuardArgs) => !mayDispose(context),
  notSpawned: ({ context }: GuardArgs) => context.turn?.spawned === null,
  isHook: ({ event }: GuardArgs, { hook }: { hook: HookName }) => finishedHookOf(event) === hook,
  isNextCall: ({ context, event }: GuardArgs) => callOf(event) === context.turn?.tool_results.length,
  movesOn: ({ context, event }: GuardArgs) => movesOn(context, event as CommandOf<'TURN_PROGRESSED'>),
}

function epochOf(event: Input): number {
  if (event.type === 'CLAIM') return event.epoch
  return event.type === 'session.claimed' ? event.data.epoch : 0
}

function postOf(event: Input): string {
  if (event.type === 'APPROVE' || event.type === 'DENY') return event.post_id
  return event.type === 'approval.granted' || event.type === 'approval.denied' ? event.data.post_id : ''
}

function hookOf(context: SessionContext, hook: HookName): string | undefined {
  return context.started?.config.hooks[hook]
}

/** `after_run` belongs to a `before_run` that succeeded; where none is configured, to the first turn. */
function startedRunning(context: SessionContext): boolean {
  return hookOf(context, 'before_run') === undefined ? context.turnsStarted > 0 : context.beforeRunOk
}

function finishedHookOf(event: Input): HookName | null {
  if (event.type === 'HOOK_FINISHED') return event.hook
  return event.type === 'hook.finished' ? event.data.hook : null
}

function callOf(event: Input): number {
  if (event.type === 'TOOL_FINISHED') return event.call
  return event.type === 'tool.finished' ? event.data.call : -1
}

export function disposalOf(context: SessionContext): IntentParams['disposeWorkspace']['mode'] {
  if (context.request?.auto_cleanup === false || context.workspace?.source === 'in-place') return 'keep'
  return context.started?.config.workspace.on_cleanup ?? 'keep'
}

function mayDispose(context: SessionContext): boolean {
  return context.workspace !== null && !context.captureFailed
}

/** Progress is recorded only when something moved. */
function movesOn(context: SessionContext, command: CommandOf<'TURN_PROGRESSED'>): boolean {
  const turn = context.turn
  return turn !== null && (command.stdout_bytes > turn.stdout_bytes || command.stderr_bytes > turn.stderr_bytes)
}
