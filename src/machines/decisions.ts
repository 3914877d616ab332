/**
 * What fact each accepted command becomes. Whether it is accepted at all is the machine's business; these functions
 * may therefore trust the phase they are called in. Decisions may change between releases; recorded facts do not.
 */
import type { ReasonCode } from '../events/parts.ts'
import { backoffMs } from '../events/limits.ts'
import type { EventData, SessionFact } from '../events/session-events.ts'
import { toEpochMs, toTimestamp } from '../events/timestamp.ts'
import { classifyTurn } from '../events/turn-outcome.ts'
import type { Command, CommandOf, CommandType } from './commands.ts'
import type { SessionContext } from './context.ts'
import { turnsLeft } from './record.ts'

type Decider<T extends CommandType> = (context: SessionContext, command: CommandOf<T>) => SessionFact
type Deciders = { [T in CommandType]: Decider<T> }

const deciders: Deciders = {
  START: (_, { input }) => ({ type: 'start.requested', data: input }),
  CLAIM: (_, { runner_id, epoch, host, pid }) => ({ type: 'session.claimed', data: { runner_id, epoch, host, pid } }),
  STOP: (_, { by, reason }) => ({ type: 'stop.requested', data: requested(by, reason) }),
  RESUME: (_, { by, reason, guidance }) => ({ type: 'resume.requested', data: { ...requested(by, reason), guidance } }),
  APPROVE: (_, { by, reason, post_id }) => ({ type: 'approval.granted', data: { ...requested(by, reason), post_id } }),
  DENY: (_, { by, reason, post_id }) => ({ type: 'approval.denied', data: { ...requested(by, reason), post_id } }),
  SESSION_OPENED: (_, command) => ({ type: 'session.started', data: payload(command) }),
  SESSION_UNOPENABLE: (_, { reason_code, summary }) => sessionFailed(reason_code, summary),
  WORKSPACE_CREATED: (_, command) => ({ type: 'workspace.created', data: payload(command) }),
  WORKSPACE_FAILED: (_, command) => ({ type: 'workspace.failed', data: payload(command) }),
  HOOK_FINISHED: (_, command) => ({ type: 'hook.finished', data: payload(command) }),
  CHECKS_FINISHED: (_, { stage, checks }) => ({
    type: checks.every((check) => check.ok) ? 'checks.passed' : 'checks.failed',
    data: { stage, checks },
  }),
  TURN_PREPARED: (context, command) => {
    const limits = startedOf(context).limits
    return {
      type: 'turn.started',
      data: {
        ...payload(command),
        turn_number: context.turnsStarted + 1,
        kind: context.nextKind,
        task: context.task,
        turn_timeout_ms: limits.turn_timeout_ms,
        stall_window_ms: limits.stall_window_ms,
        read_file_lines_max_lines: limits.read_file_lines_max_lines,
      },
    }
  },
  TURN_UNPREPARABLE: (_, { reason_code, summary }) => sessionFailed(reason_code, summary),
  TURN_SPAWNED: (context, command) => ({
    type: 'turn.spawned',
    data: { turn_number: turnOf(context).number, ...payload(command) },
  }),
  TURN_PROGRESSED: (context, command) => ({
    type: 'turn.progressed',
    data: { turn_number: turnOf(context).number, ...payload(command) },
  }),
  TURN_EXITED: (context, command) => ({
    type: 'turn.exited',
    data: { turn_number: turnOf(context).number, ...payload(command) },
  }),
  TURN_STALLED: (context, command) => ({
    type: 'turn.stalled',
    data: {
      turn_number: turnOf(context).number,
      ...payload(command),
      ...restartOf(context, command.at),
      stall_window_ms: turnOf(context).stall_window_ms,
    },
  }),
  TURN_INTERRUPTED: (context, command) => ({
    type: 'turn.interrupted',
    data: { turn_number: turnOf(context).number, ...payload(command), ...restartOf(context, command.at) },
  }),
  TURN_TIMED_OUT: (context, command) => ({
    type: 'turn.timed_out',
    data: {
      turn_number: turnOf(context).number,
      ...payload(command),
      turn_timeout_ms: turnOf(context).turn_timeout_ms,
    },
  }),
  TURN_STOPPED: (context, command) => ({
    type: 'turn.stopped',
    data: {
      turn_number: turnOf(context).number,
      ...payload(command),
      reason: context.stop?.reason ?? 'stop requested',
    },
  }),
  TOOL_FINISHED: (context, command) => ({
    type: 'tool.finished',
    data: { turn_number: turnOf(context).number, ...payload(command) },
  }),
  SETTLE_TURN: (context) => settleTurn(context),
  HOLD_POST: (context) => {
    if (context.post === null) throw new Error('no post to hold')
    return { type: 'post.held', data: context.post }
  },
  CONCLUDE: (context, { at }) => conclude(context, at),
  END_HOLD: (context, { by }) => ({
    type: 'stop.requested',
    data: { by, reason: `nobody resumed it within ${startedOf(context).limits.hold_ms} ms` },
  }),
  RESUME_SESSION: (context) => ({ type: 'session.resumed', data: { guidance: context.guidance ?? '' } }),
  WORKSPACE_CAPTURED: (_, command) => ({ type: 'workspace.captured', data: payload(command) }),
  WORKSPACE_REMOVED: (_, command) => ({ type: 'workspace.removed', data: payload(command) }),
  WORKSPACE_ARCHIVED: (_, command) => ({ type: 'workspace.archived', data: payload(command) }),
  WORKSPACE_KEPT: (_, command) => ({ type: 'workspace.kept', data: payload(command) }),
  CLEANUP_FAILED: (context, { error }) => cleanupFailed(context, error),
  CLOSE: (context, { at }) => ({
    type: 'session.closed',
    data: {
      outcome: context.outcome ?? 'failed',
      turns: context.turnsStarted,
      duration_ms: Math.max(0, at - toEpochMs(context.requestedAt ?? toTimestamp(at))),
    },
  }),
  EFFECT_FAILED: (context, { intent, error }) =>
    context.outcome === null
      ? sessionFailed('runner_error', `${intent}: ${error}`)
      : cleanupFailed(context, `${intent}: ${error}`),
}

/** The fact an accepted command becomes. Pure. */
export function factOf(context: SessionContext, command: Command): SessionFact {
  const decider = deciders[command.type] as Decider<CommandType>
  return decider(context, command)
}

function settleTurn(context: SessionContext): SessionFact {
  const turn = turnOf(context)
  if (context.stop !== null) {
    const reason = context.stop.reason ?? 'stop requested'
    return { type: 'turn.stopped', data: { turn_number: turn.number, last_activity: turn.last_activity, reason } }
  }
  const { outcome, outcome_reason } = classifyTurn({
    status: turn.response?.status ?? null,
    toolCalls: turn.response?.tool_calls.length ?? 0,
    silentUnlessBlocked: startedOf(context).output.silent_unless_blocked,
  })
  const broken = turn.issues
    .map((issue) => (issue.path === '' ? issue.message : `${issue.path}: ${issue.message}`))
    .join('; ')
  return {
    type: 'turn.completed',
    data: {
      turn_number: turn.number,
      status: turn.response?.status ?? 'failed',
      outcome,
      outcome_reason,
      summary: turn.response?.summary ?? `the response could not be used: ${broken}`,
      evidence_refs: turn.response?.evidence_refs ?? [],
    },
  }
}

function conclude(context: SessionContext, at: number): SessionFact {
  if (context.verdict === null) throw new Error('no verdict to conclude with')
  const { outcome, ...data } = context.verdict
  if (outcome !== 'blocked') return { type: `session.${outcome}`, data }
  const hold_ms = context.started?.limits.hold_ms ?? 0
  const canGoOn = hold_ms > 0 && turnsLeft(context)
  return { type: 'session.blocked', data: { ...data, hold_ms, hold_until: canGoOn ? toTimestamp(at + hold_ms) : null } }
}

/** Which restart this is and when it may happen; none when restarts or turns are used up. */
function restartOf(
  context: SessionContext,
  at: number,
): Pick<EventData<'turn.stalled'>, 'restart' | 'restarts_max' | 'backoff_ms' | 'due_at'> {
  const { limits } = startedOf(context)
  const restart = context.consecutiveRestarts + 1
  const restarts_max = limits.max_stall_restarts
  if (restart > restarts_max || !turnsLeft(context)) return { restart, restarts_max, backoff_ms: null, due_at: null }
  const backoff_ms = backoffMs(limits, restart)
  return { restart, restarts_max, backoff_ms, due_at: toTimestamp(at + backoff_ms) }
}

function sessionFailed(reason_code: ReasonCode, summary: string): SessionFact {
  return { type: 'session.failed', data: { reason_code, summary, verified: null } }
}

function cleanupFailed(context: SessionContext, error: string): SessionFact {
  return { type: 'workspace.cleanup_failed', data: { path: context.workspace?.path ?? '', error } }
}

function requested(by: string, reason: string | undefined): { by: string; reason?: string } {
  return reason === undefined ? { by } : { by, reason }
}

/** The command without what is about the command itself. */
function payload<T extends Command>({
  type: _type,
  at: _at,
  cause: _cause,
  ...data
}: T): Omit<T, 'type' | 'at' | 'cause'> {
  return data
}

function startedOf(context: SessionContext): EventData<'session.started'> {
  if (context.started === null) throw new Error('the session has not been started')
  return context.started
}

function turnOf(context: SessionContext): NonNullable<SessionContext['turn']> {
  if (context.turn === null) throw new Error('no turn has been started')
  return context.turn
}
