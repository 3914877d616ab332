/**
 * A context and its turn with some fields changed, copied field by field: V8 gives spread objects hidden classes of their
 * own, and folding a long history then takes more than twice as long.
 */
import type { CurrentTurn, SessionContext } from './context.ts'

export function changed(from: SessionContext, change: Partial<SessionContext>): SessionContext {
  const copy: SessionContext = {
    request: from.request,
    requestedAt: from.requestedAt,
    claim: from.claim,
    started: from.started,
    workspace: from.workspace,
    beforeRunOk: from.beforeRunOk,
    task: from.task,
    nextKind: from.nextKind,
    turn: from.turn,
    turnsStarted: from.turnsStarted,
    lastOutcome: from.lastOutcome,
    claimsDone: from.claimsDone,
    consecutiveRestarts: from.consecutiveRestarts,
    dueAt: from.dueAt,
    stall: from.stall,
    previousToolCalls: from.previousToolCalls,
    continuity: from.continuity,
    failedChecks: from.failedChecks,
    guidance: from.guidance,
    stop: from.stop,
    verdict: from.verdict,
    outcome: from.outcome,
    reasonCode: from.reasonCode,
    holdUntil: from.holdUntil,
    blockedBeforeRun: from.blockedBeforeRun,
    post: from.post,
    heldPosts: from.heldPosts,
    captureFailed: from.captureFailed,
  }
  return Object.assign(copy, change)
}

export function changedTurn(from: CurrentTurn, change: Partial<CurrentTurn>): CurrentTurn {
  const copy: CurrentTurn = {
    number: from.number,
    kind: from.kind,
    task: from.task,
    turn_timeout_ms: from.turn_timeout_ms,
    stall_window_ms: from.stall_window_ms,
    directory: from.directory,
    spawned: from.spawned,
    last_activity: from.last_activity,
    stdout_bytes: from.stdout_bytes,
    stderr_bytes: from.stderr_bytes,
    response: from.response,
    issues: from.issues,
    exit_code: from.exit_code,
    tool_results: from.tool_results,
  }
  return Object.assign(copy, change)
}
