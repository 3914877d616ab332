/** Facts, configs and effect results in a short form, so that tests of the machine read as stories. */
import type { z } from 'zod'
import { effectiveLimits } from '../../src/events/limits.ts'
import type {
  ArtifactRef,
  CheckResult,
  ExecutorResponse,
  Output,
  PostKind,
  ReasonCode,
  TurnKind,
  Workspace,
} from '../../src/events/parts.ts'
import type { EventData, EventType, SessionFact } from '../../src/events/session-events.ts'
import { startInputSchema, type StartInput } from '../../src/events/start-input.ts'
import { toTimestamp } from '../../src/events/timestamp.ts'
import { workflowConfigSchema, type CheckStage, type HookName } from '../../src/events/workflow-config.ts'

export const T0_MS = Date.UTC(2026, 0, 1)
export const T0 = toTimestamp(T0_MS)

type ConfigInput = z.input<typeof workflowConfigSchema>
/** Front matter as a user writes it, except that the executor's command has a default. */
export type Front = Omit<ConfigInput, 'executor'> & { executor?: Partial<ConfigInput['executor']> }

export const artifact: ArtifactRef = { sha256: 'a'.repeat(64), bytes: 7 }
export const noOutput: Output = { tail: '', bytes: 0, clipped: false, artifact: null }

export function configOf(front: Front = {}) {
  return workflowConfigSchema.parse({ ...front, executor: { command: 'agent', ...front.executor } })
}

export function inputOf(input: Partial<StartInput> = {}): StartInput {
  return startInputSchema.parse({ task: 'mend the gate', session_id: 'S1', ...input })
}

export function openedOf(front: Front = {}, input: Partial<StartInput> = {}): EventData<'session.started'> {
  const config = configOf(front)
  return {
    workflow: { path: null, digest: 'd'.repeat(64) },
    config,
    prompt_template: '{{ task }}',
    limits: effectiveLimits(config, input),
    output: {
      emit_to: input.emit_to ?? config.output.emit_to,
      silent_unless_blocked: input.silent_unless_blocked ?? config.output.silent_unless_blocked,
      require_approval_before_emit: input.require_approval_before_emit ?? config.output.require_approval_before_emit,
    },
    workspace: { name: 'S1', root: '/w', source_path: '/src' },
  }
}

export function workspaceOf(source: Workspace['source'] = 'worktree'): Workspace {
  const inPlace = source === 'in-place'
  return {
    path: inPlace ? '/src' : '/w/S1',
    root: inPlace ? '/src' : '/w',
    source,
    source_path: '/src',
    base_commit: source === 'worktree' ? 'c0ffee' : null,
    branch: source === 'worktree' ? 'swarmtrail/S1' : null,
  }
}

export function hookOf(hook: HookName, ok = true): EventData<'hook.finished'> {
  return { hook, ok, exit_code: ok ? 0 : 1, timed_out: false, output: '', started_at: T0, duration_ms: 5 }
}

export function checkOf(name: string, ok: boolean): CheckResult {
  const output = ok ? '' : `${name} is not so`
  return { name, kind: 'command', ok, exit_code: ok ? 0 : 1, timed_out: false, output, duration_ms: 3 }
}

export function responseOf(status: ExecutorResponse['status'], more: Partial<ExecutorResponse> = {}): ExecutorResponse {
  return { status, summary: `${status}, says the agent`, tool_calls: [], evidence_refs: [], ...more }
}

export const calls = (...names: string[]) => names.map((name) => ({ name, input: {} }))

export const prepared = {
  prompt: artifact,
  request: artifact,
  directory: '/scratch/S1/1',
  capabilities: { tools: [], unavailable_tools: [] },
  tool_choice: { priority_tools: [], demoted_tools: [], selected_budget: { name: 'frontier', max_lines: 2000 } },
}

export function exitedOf(response: ExecutorResponse | null): Omit<EventData<'turn.exited'>, 'turn_number'> {
  return {
    exit_code: 0,
    signal: null,
    duration_ms: 900,
    stdout: noOutput,
    stderr: noOutput,
    response,
    response_artifact: response === null ? null : artifact,
    issues: response === null ? [{ path: 'status', message: 'expected continue, done, blocked or failed' }] : [],
  }
}

export function toolOf(call: number, tool_name: string, ok = true): Omit<EventData<'tool.finished'>, 'turn_number'> {
  const result = ok ? { output: { lines: ['x'] } } : { error: { code: 'not_found', message: 'no such file' } }
  return {
    call,
    tool_name,
    input_sha256: 'b'.repeat(64),
    ok,
    ...result,
    started_at: T0,
    ended_at: T0,
    duration_ms: 2,
  }
}

export const captured: EventData<'workspace.captured'> = {
  format: 'patch',
  base_commit: 'c0ffee',
  head_commit: 'decade',
  files: [{ path: 'gate.txt', change: 'modified' }],
  patch: artifact,
}

const by = { by: 'ann' }
const cut = { last_activity: T0 }
const fact = <T extends EventType>(type: T, data: EventData<T>): SessionFact => ({ type, data }) as SessionFact

/** Restart n of max with the wait that the machine would have decided; `backoff_ms` null: exhausted. */
export type Restart = { restart?: number; restarts_max?: number; backoff_ms?: number | null }
function restartOf({ restart = 1, restarts_max = 2, backoff_ms = 1_000 }: Restart) {
  return { restart, restarts_max, backoff_ms, due_at: backoff_ms === null ? null : toTimestamp(T0_MS + 60_000) }
}

/** One short builder per event type. */
export const a = {
  startRequested: (input?: Partial<StartInput>) => fact('start.requested', inputOf(input)),
  claimed: (epoch = 1, runner_id = 'r1') => fact('session.claimed', { runner_id, epoch, host: 'h', pid: 42 }),
  started: (front?: Front, input?: Partial<StartInput>) => fact('session.started', openedOf(front, input)),
  workspaceCreated: (source?: Workspace['source']) => fact('workspace.created', workspaceOf(source)),
  workspaceFailed: () => fact('workspace.failed', { path: null, error: 'disk full' }),
  hook: (hook: HookName, ok?: boolean) => fact('hook.finished', hookOf(hook, ok)),
  checksPassed: (stage: CheckStage) => fact('checks.passed', { stage, checks: [checkOf('c', true)] }),
  checksFailed: (stage: CheckStage) => fact('checks.failed', { stage, checks: [checkOf('c', false)] }),
  turnStarted: (turn_number = 1, kind: TurnKind = 'first', task = 'mend the gate') =>
    fact('turn.started', {
      ...prepared,
      turn_number,
      kind,
      task,
      turn_timeout_ms: 300_000,
      stall_window_ms: 120_000,
      read_file_lines_max_lines: 2_000,
    }),
  spawned: (turn_number = 1) => fact('turn.spawned', { turn_number, pid: 100, pgid: 100, process_started_at: '12345' }),
  progressed: (turn_number = 1, stdout_bytes = 10) =>
    fact('turn.progressed', { turn_number, last_activity: T0, stdout_bytes, stderr_bytes: 0 }),
  exited: (turn_number: number, response: ExecutorResponse | null) =>
    fact('turn.exited', { turn_number, ...exitedOf(response) }),
  stalled: (turn_number = 1, restart: Restart = {}) =>
    fact('turn.stalled', { turn_number, ...cut, ...restartOf(restart), stall_window_ms: 120_000 }),
  interrupted: (turn_number = 1, restart: Restart = {}) =>
    fact('turn.interrupted', { turn_number, ...cut, ...restartOf(restart), reason: 'its runner is gone' }),
  timedOut: (turn_number = 1) => fact('turn.timed_out', { turn_number, ...cut, turn_timeout_ms: 300_000 }),
  turnStopped: (turn_number = 1) => fact('turn.stopped', { turn_number, ...cut, reason: 'enough' }),
  tool: (turn_number: number, call: number, name: string, ok?: boolean) =>
    fact('tool.finished', { turn_number, ...toolOf(call, name, ok) }),
  completed: (
    turn_number: number,
    status: ExecutorResponse['status'],
    more: Partial<EventData<'turn.completed'>> = {},
  ) =>
    fact('turn.completed', {
      turn_number,
      status,
      outcome: status === 'blocked' || status === 'failed' ? 'escalation_blocker' : 'meaningful_completion',
      outcome_reason: `the turn ended ${status}`,
      summary: `${status}, says the agent`,
      evidence_refs: [],
      ...more,
    }),
  stop: () => fact('stop.requested', { ...by, reason: 'enough' }),
  resume: (guidance = 'try the other key') => fact('resume.requested', { ...by, guidance }),
  approved: (post_id: string) => fact('approval.granted', { ...by, post_id }),
  denied: (post_id: string) => fact('approval.denied', { ...by, post_id }),
  postHeld: (post_id: string, kind: PostKind) => fact('post.held', { post_id, kind, summary: 's' }),
  sessionCompleted: () => fact('session.completed', { reason_code: 'done', summary: 's', verified: null }),
  sessionFailed: (reason_code: ReasonCode) => fact('session.failed', { reason_code, summary: 's', verified: null }),
  sessionStopped: () => fact('session.stopped', { reason_code: 'stop_requested', summary: 's', verified: null }),
  sessionBlocked: (reason_code: ReasonCode, hold_ms = 0) =>
    fact('session.blocked', {
      reason_code,
      summary: 's',
      verified: null,
      hold_ms,
      hold_until: hold_ms > 0 ? toTimestamp(T0_MS + hold_ms) : null,
    }),
  resumed: (guidance = 'try the other key') => fact('session.resumed', { guidance }),
  captured: () => fact('workspace.captured', captured),
  removed: () => fact('workspace.removed', { path: '/w/S1' }),
  archived: () => fact('workspace.archived', { path: '/w/S1', archive: null, archive_path: '/w/.archive/S1.tgz' }),
  kept: () => fact('workspace.kept', { path: '/w/S1' }),
  cleanupFailed: () => fact('workspace.cleanup_failed', { path: '/w/S1', error: 'busy' }),
  closed: (outcome: EventData<'session.closed'>['outcome'], turns = 0) =>
    fact('session.closed', { outcome, turns, duration_ms: 1 }),
}

/** Up to the first turn's preparation, with nothing to run in preflight unless the facts between say so. */
export function toPreparing(front?: Front, input?: Partial<StartInput>): SessionFact[] {
  return [a.startRequested(input), a.claimed(), a.started(front, input), a.workspaceCreated()]
}
/** Up to the first turn's process. */
export function toRunning(front?: Front, input?: Partial<StartInput>): SessionFact[] {
  return [...toPreparing(front, input), a.turnStarted()]
}
/** Up to what follows the first turn's answer. */
export function toAnswered(response: ExecutorResponse | null, front?: Front, input?: Partial<StartInput>) {
  return [...toRunning(front, input), a.exited(1, response)]
}
/** Up to a settled first turn. */
export function toSettled(status: ExecutorResponse['status'], front?: Front, input?: Partial<StartInput>) {
  return [...toAnswered(responseOf(status), front, input), a.completed(1, status)]
}
