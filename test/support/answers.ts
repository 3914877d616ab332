/** Everything that an effect may report for an intent, the answer of a good day first. */
import type { EffectResult } from '../../src/machines/commands.ts'
import { contextOf, type SessionState } from '../../src/machines/decider.ts'
import type { Intent, IntentOf, IntentType } from '../../src/machines/intents.ts'
import {
  calls,
  captured,
  checkOf,
  exitedOf,
  hookOf,
  openedOf,
  prepared,
  responseOf,
  T0,
  toolOf,
  workspaceOf,
  type Front,
} from './facts.ts'

type Answers = { [T in IntentType]: (intent: IntentOf<T>, state: SessionState, front: Front) => EffectResult[] }

const failed = (intent: Intent): EffectResult => ({ type: 'EFFECT_FAILED', intent: intent.type, error: 'EIO' })
const cut = { last_activity: T0, duration_ms: 5 }

const answers: Answers = {
  openSession: (intent, state, front) => [
    { type: 'SESSION_OPENED', ...openedOf(front, contextOf(state).request ?? {}) },
    { type: 'SESSION_UNOPENABLE', reason_code: 'template_error', summary: 'line 3: unknown variable' },
    failed(intent),
  ],
  createWorkspace: (intent, _, front) => [
    { type: 'WORKSPACE_CREATED', ...workspaceOf(front.workspace?.source) },
    { type: 'WORKSPACE_FAILED', path: null, error: 'disk full' },
    failed(intent),
  ],
  runHook: (intent, state) => [
    { type: 'HOOK_FINISHED', ...hookOf(intent.params.hook) },
    { type: 'HOOK_FINISHED', ...hookOf(intent.params.hook, false) },
    { type: 'HOOK_FINISHED', ...hookOf(intent.params.hook, false), exit_code: null, timed_out: true },
    // During cleanup the runtime reports a hook that could not be run as a hook that failed.
    ...(contextOf(state).outcome === null ? [failed(intent)] : []),
  ],
  runChecks: (intent) => [
    { type: 'CHECKS_FINISHED', stage: intent.params.stage, checks: [checkOf('a', true), checkOf('b', true)] },
    { type: 'CHECKS_FINISHED', stage: intent.params.stage, checks: [checkOf('a', true), checkOf('b', false)] },
    failed(intent),
  ],
  prepareTurn: (intent) => [
    { type: 'TURN_PREPARED', ...prepared },
    { type: 'TURN_UNPREPARABLE', reason_code: 'template_error', summary: 'line 3: unknown variable' },
    failed(intent),
  ],
  execTurn: (intent, state) => [
    { type: 'TURN_EXITED', ...exitedOf(responseOf('done')) },
    ...onTheWay(state),
    { type: 'TURN_EXITED', ...exitedOf(responseOf('continue', { next_task: 'oil the hinge' })) },
    { type: 'TURN_EXITED', ...exitedOf(responseOf('continue', { tool_calls: calls('list_files', 'git_diff') })) },
    { type: 'TURN_EXITED', ...exitedOf(responseOf('done', { tool_calls: calls('git_status') })) },
    { type: 'TURN_EXITED', ...exitedOf(responseOf('blocked')) },
    { type: 'TURN_EXITED', ...exitedOf(responseOf('failed')) },
    { type: 'TURN_EXITED', ...exitedOf(null) },
    { type: 'TURN_STALLED', ...cut },
    { type: 'TURN_TIMED_OUT', ...cut },
    { type: 'TURN_INTERRUPTED', ...cut, reason: 'its runner is gone' },
    ...(contextOf(state).stop === null ? [] : [{ type: 'TURN_STOPPED', ...cut } as const]),
    failed(intent),
  ],
  runTool: (intent, state) => [
    { type: 'TOOL_FINISHED', ...toolOf(intent.params.call, toolName(state, intent.params.call)) },
    { type: 'TOOL_FINISHED', ...toolOf(intent.params.call, toolName(state, intent.params.call), false) },
    failed(intent),
  ],
  settleTurn: () => [{ type: 'SETTLE_TURN' }],
  holdPost: () => [{ type: 'HOLD_POST' }],
  conclude: () => [{ type: 'CONCLUDE' }],
  endHold: () => [{ type: 'END_HOLD', by: 'runner r1' }],
  resumeSession: () => [{ type: 'RESUME_SESSION' }],
  captureWorkspace: (intent) => [
    { type: 'WORKSPACE_CAPTURED', ...captured },
    { type: 'CLEANUP_FAILED', error: 'git: index is locked' },
    failed(intent),
  ],
  disposeWorkspace: (intent) => [
    (
      {
        remove: { type: 'WORKSPACE_REMOVED', path: '/w/S1' },
        archive: { type: 'WORKSPACE_ARCHIVED', path: '/w/S1', archive: null, archive_path: '/w/S1.tgz' },
        keep: { type: 'WORKSPACE_KEPT', path: '/w/S1' },
      } as const
    )[intent.params.mode],
    { type: 'CLEANUP_FAILED', error: 'busy' },
    failed(intent),
  ],
  closeSession: () => [{ type: 'CLOSE' }],
}

export function answersOf(intent: Intent, state: SessionState, front: Front): EffectResult[] {
  const answer = answers[intent.type] as (intent: Intent, state: SessionState, front: Front) => EffectResult[]
  return answer(intent, state, front)
}

/** What a running turn reports before it ends. */
function onTheWay(state: SessionState): EffectResult[] {
  const turn = contextOf(state).turn
  if (turn === null) return []
  return turn.spawned === null
    ? [{ type: 'TURN_SPAWNED', pid: 100 + turn.number, pgid: 100 + turn.number, process_started_at: '12345' }]
    : [{ type: 'TURN_PROGRESSED', last_activity: T0, stdout_bytes: turn.stdout_bytes + 10, stderr_bytes: 0 }]
}

function toolName(state: SessionState, call: number): string {
  return contextOf(state).turn?.response?.tool_calls[call]?.name ?? 'unknown'
}
