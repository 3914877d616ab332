/**
 * How each event changes what a session remembers: one pure function per type. Rules that decide something live in
 * decisions.ts (before the event exists); here facts are only taken in, so that every history ever recorded folds.
 */
import type { EventOf, SwarmEvent } from '../events/envelope.ts'
import { cut } from '../events/recordable.ts'
import type { Outcome } from '../events/terms.ts'
import type { EventType } from '../events/session-events.ts'
import {
  CONTINUITY_EVIDENCE_CHARS_MAX,
  CONTINUITY_EVIDENCE_MAX,
  CONTINUITY_SUMMARY_CHARS_MAX,
  CONTINUITY_TURNS_MAX,
  type CurrentTurn,
  type SessionContext,
  type TurnBrief,
} from './context.ts'
import { countWords } from '../words/amounts.ts'
import { changed, changedTurn } from './changed.ts'
import { heldPost, outcomePost } from './posts.ts'
import { hookEnd, stopCheckTask } from './ends.ts'
import { blocked, completed, exhausted, failed, stopped } from './verdicts.ts'

type Recorder<T extends EventType> = (context: SessionContext, event: EventOf<T>) => Partial<SessionContext>
type Recorders = { [T in EventType]: Recorder<T> }

const recorders: Recorders = {
  'start.requested': (_, { data, time }) => ({ request: data, requestedAt: time, task: data.task }),
  'session.claimed': (_, { data }) => ({ claim: data }),
  'session.started': (context, event) => ({
    started: event.data,
    post: heldPost(changed(context, { started: event.data }), event, 'intent', context.task),
  }),
  'workspace.created': (_, { data }) => ({ workspace: data }),
  'workspace.failed': (_, { data }) => ({ verdict: failed('workspace_failed', data.error) }),
  'checks.passed': (context, { data }) =>
    data.stage === 'before_run'
      ? { failedChecks: [] }
      : { claimsDone: false, failedChecks: [], verdict: completed(context, true) },
  'checks.failed': (context, { data }) => {
    const failedChecks = data.checks.filter((check) => !check.ok)
    const names = failedChecks.map((check) => check.name).join(', ')
    if (data.stage === 'before_run') {
      return { failedChecks, verdict: blocked('preflight_blocked', `checks before the run failed: ${names}`) }
    }
    if (context.started?.config.autonomy.on_stop_failure === 'continue' && turnsLeft(context)) {
      return { claimsDone: false, failedChecks, nextKind: 'stop_check', task: stopCheckTask(failedChecks) }
    }
    return {
      claimsDone: false,
      failedChecks,
      verdict: {
        ...blocked('stop_checks_failed', `done was claimed, but stop checks failed: ${names}`),
        verified: false,
      },
    }
  },
  'hook.finished': (_, { data }) => {
    if (data.hook === 'before_run' && data.ok) return { beforeRunOk: true }
    if (data.ok || data.hook === 'after_run' || data.hook === 'before_remove') return {}
    const code = data.hook === 'after_create' ? 'workspace_failed' : 'before_run_failed'
    return { verdict: failed(code, `hook ${data.hook} failed: ${hookEnd(data)}`) }
  },
  'turn.started': (_, { data }) => ({
    turnsStarted: data.turn_number,
    dueAt: null,
    turn: {
      number: data.turn_number,
      kind: data.kind,
      task: data.task,
      turn_timeout_ms: data.turn_timeout_ms,
      stall_window_ms: data.stall_window_ms,
      directory: data.directory,
      spawned: null,
      last_activity: null,
      stdout_bytes: 0,
      stderr_bytes: 0,
      response: null,
      issues: [],
      exit_code: null,
      tool_results: [],
    },
  }),
  'turn.spawned': (context, { data }) => inTurn(context, { spawned: data }),
  'turn.progressed': (context, { data }) =>
    inTurn(context, {
      last_activity: data.last_activity,
      stdout_bytes: data.stdout_bytes,
      stderr_bytes: data.stderr_bytes,
    }),
  'turn.exited': (context, { data }) =>
    inTurn(context, { response: data.response, issues: data.issues, exit_code: data.exit_code }),
  'turn.stalled': (context, event) => cutShort(context, event, 'stalled'),
  'turn.interrupted': (context, event) => cutShort(context, event, 'interrupted'),
  'turn.timed_out': (_, { data }) => ({
    verdict: failed('turn_timeout', `turn ${data.turn_number} used up its budget of ${data.turn_timeout_ms} ms`),
  }),
  'turn.stopped': (context) => ({ verdict: stopped(context) }),
  'tool.finished': (context, { data }) =>
    inTurn(context, {
      tool_results: [
        ...(context.turn?.tool_results ?? []),
        {
          tool_name: data.tool_name,
          ok: data.ok,
          ...(data.ok ? { output: data.output } : { error: data.error }),
          started_at: data.started_at,
          ended_at: data.ended_at,
        },
      ],
    }),
  'turn.completed': (context, event) => {
    const { data } = event
    const response = context.turn?.response ?? null
    const next = response?.next_task?.trim()
    const taken: Partial<SessionContext> = {
      consecutiveRestarts: 0,
      stall: null,
      guidance: null,
      failedChecks: [],
      lastOutcome: data.outcome,
      nextKind: 'continuation',
      previousToolCalls: context.turn?.tool_results ?? [],
      continuity: withBrief(context, data.status, data.summary, data.evidence_refs),
      task: data.status === 'continue' && next ? next : context.task,
    }
    if (data.status === 'continue') {
      const post = data.outcome === 'no_op_success' ? null : heldPost(context, event, 'progress', data.summary)
      const spent = turnsLeft(context)
        ? null
        : failed(
            'max_turns_exceeded',
            `still not done after ${countWords(context.turnsStarted, 'turn')}: ${data.summary}`,
          )
      return Object.assign(taken, { post, verdict: spent })
    }
    if (data.status === 'blocked') return { ...taken, verdict: blocked('executor_blocked', data.summary) }
    if (data.status === 'failed') {
      const code = response === null ? 'invalid_response' : 'executor_failed'
      return { ...taken, verdict: failed(code, data.summary) }
    }
    const checked = (context.started?.config.autonomy.stop.length ?? 0) > 0
    return { ...taken, claimsDone: checked, verdict: checked ? null : completed(changed(context, taken), null) }
  },
  'stop.requested': (context, { data }) => {
    const stop = { by: data.by, reason: data.reason ?? null }
    return { stop, verdict: context.outcome === null ? stopped(changed(context, { stop })) : null }
  },
  'resume.requested': (_, { data }) => ({ guidance: data.guidance }),
  'approval.granted': (context, { data }) => ({ heldPosts: context.heldPosts.filter((id) => id !== data.post_id) }),
  'approval.denied': (context, { data }) => ({ heldPosts: context.heldPosts.filter((id) => id !== data.post_id) }),
  'session.completed': (context, event) => concluded(context, event, 'completed'),
  'session.failed': (context, event) => concluded(context, event, 'failed'),
  'session.stopped': (context, event) => concluded(context, event, 'stopped'),
  'session.blocked': (context, event) => ({
    ...concluded(context, event, 'blocked'),
    holdUntil: event.data.hold_until,
    blockedBeforeRun: event.data.reason_code === 'preflight_blocked',
  }),
  'session.resumed': (context, { data }) => ({
    outcome: null,
    reasonCode: null,
    holdUntil: null,
    consecutiveRestarts: 0,
    nextKind: context.turnsStarted === 0 ? 'first' : 'continuation',
    guidance: data.guidance,
    verdict: context.stop === null ? null : stopped(context),
  }),
  'post.held': (context, { data }) => ({ post: null, heldPosts: [...context.heldPosts, data.post_id] }),
  'workspace.captured': () => ({}),
  'workspace.removed': () => ({ workspace: null }),
  'workspace.archived': () => ({ workspace: null }),
  'workspace.kept': () => ({}),
  'workspace.cleanup_failed': () => ({ captureFailed: true }),
  'session.closed': () => ({}),
}

/**
 * The context after an event; always a new object, so a change is visible by reference.
 * A verdict once reached is kept until an outcome is recorded: what a stop cut short (a stall that would have been
 * restarted, a failed hook) neither overrules nor forgets it.
 */
export function record(context: SessionContext, event: SwarmEvent): SessionContext {
  const recorder = recorders[event.type] as Recorder<EventType>
  const change = recorder(context, event)
  const after = changed(context, change)
  if (context.verdict !== null && change.outcome === undefined) after.verdict = context.verdict
  return after
}

export function turnsLeft(context: SessionContext): boolean {
  return context.turnsStarted < (context.started?.limits.max_turns ?? 0)
}

function inTurn(context: SessionContext, change: Partial<CurrentTurn>): Partial<SessionContext> {
  return context.turn === null ? {} : { turn: changedTurn(context.turn, change) }
}

function cutShort(
  context: SessionContext,
  { data }: EventOf<'turn.stalled'> | EventOf<'turn.interrupted'>,
  reason: 'stalled' | 'interrupted',
): Partial<SessionContext> {
  const summary =
    reason === 'stalled' ? 'the turn fell silent and was ended' : 'the turn was interrupted before it answered'
  return {
    consecutiveRestarts: data.restart,
    dueAt: data.due_at,
    nextKind: reason === 'stalled' ? 'stall_restart' : 'interrupted',
    stall: {
      turn_number: data.turn_number,
      reason,
      last_activity: data.last_activity,
      restart: data.restart,
      restarts_max: data.restarts_max,
    },
    continuity: withBrief(context, reason, summary, []),
    verdict: data.due_at === null ? exhausted(context, data) : null,
  }
}

function concluded(
  context: SessionContext,
  event: EventOf<'session.completed' | 'session.failed' | 'session.stopped' | 'session.blocked'>,
  outcome: Outcome,
): Partial<SessionContext> {
  const { reason_code, summary } = event.data
  return { outcome, reasonCode: reason_code, verdict: null, post: outcomePost(context, event, outcome, summary) }
}

function withBrief(
  context: SessionContext,
  status: TurnBrief['status'],
  summary: string,
  evidence: string[],
): TurnBrief[] {
  if (context.turn === null) return context.continuity
  const brief: TurnBrief = {
    turn_number: context.turn.number,
    kind: context.turn.kind,
    status,
    summary: cut(summary, CONTINUITY_SUMMARY_CHARS_MAX),
    evidence_refs: evidence.slice(0, CONTINUITY_EVIDENCE_MAX).map((ref) => cut(ref, CONTINUITY_EVIDENCE_CHARS_MAX)),
  }
  return [...context.continuity, brief].slice(-CONTINUITY_TURNS_MAX)
}
