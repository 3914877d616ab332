/**
 * Commands: imperative requests to a session, from coordinators or as results of effects. They are never stored;
 * each one is refused or becomes exactly one event. `at` is when the command was decided (epoch ms); it becomes the
 * event's time. `cause` is the id of the effect whose result this is; a result of an effect that is not pending is refused.
 */
import type {
  ArtifactRef,
  Capture,
  CapabilitySnapshot,
  CheckResult,
  ExecutorResponse,
  Output,
  ReasonCode,
  ResponseIssue,
  ToolChoiceAudit,
  Workspace,
} from '../events/parts.ts'
import type { EventData } from '../events/session-events.ts'
import type { StartInput } from '../events/start-input.ts'

export type CoordinatorCommand =
  | { type: 'START'; input: StartInput }
  | { type: 'STOP'; by: string; reason?: string | undefined }
  | { type: 'RESUME'; by: string; guidance: string; reason?: string | undefined }
  | { type: 'APPROVE'; post_id: string; by: string; reason?: string | undefined }
  | { type: 'DENY'; post_id: string; by: string; reason?: string | undefined }

export type ClaimCommand = { type: 'CLAIM' } & EventData<'session.claimed'>

type CutTurn = { duration_ms?: number; last_activity: string | null; stdout?: Output; stderr?: Output }

/** What effects report. */
export type EffectResult =
  | ({ type: 'SESSION_OPENED' } & EventData<'session.started'>)
  | { type: 'SESSION_UNOPENABLE'; reason_code: ReasonCode; summary: string }
  | ({ type: 'WORKSPACE_CREATED' } & Workspace)
  | { type: 'WORKSPACE_FAILED'; path: string | null; error: string }
  | ({ type: 'HOOK_FINISHED' } & EventData<'hook.finished'>)
  | { type: 'CHECKS_FINISHED'; stage: 'before_run' | 'stop'; checks: CheckResult[] }
  | {
      type: 'TURN_PREPARED'
      prompt: ArtifactRef
      request: ArtifactRef
      directory: string
      capabilities: CapabilitySnapshot
      tool_choice: ToolChoiceAudit
    }
  | { type: 'TURN_UNPREPARABLE'; reason_code: ReasonCode; summary: string }
  | { type: 'TURN_SPAWNED'; pid: number; pgid: number; process_started_at: string }
  | { type: 'TURN_PROGRESSED'; last_activity: string; stdout_bytes: number; stderr_bytes: number }
  | {
      type: 'TURN_EXITED'
      exit_code: number | null
      signal: string | null
      duration_ms: number
      stdout: Output
      stderr: Output
      response: ExecutorResponse | null
      response_artifact: ArtifactRef | null
      issues: ResponseIssue[]
    }
  | ({ type: 'TURN_STALLED' } & CutTurn)
  | ({ type: 'TURN_TIMED_OUT' } & CutTurn)
  | ({ type: 'TURN_STOPPED' } & CutTurn)
  | ({ type: 'TURN_INTERRUPTED'; reason: string } & CutTurn)
  | ({ type: 'TOOL_FINISHED' } & Omit<EventData<'tool.finished'>, 'turn_number'>)
  | { type: 'SETTLE_TURN' }
  | { type: 'HOLD_POST' }
  | { type: 'CONCLUDE' }
  | { type: 'END_HOLD'; by: string }
  | { type: 'RESUME_SESSION' }
  | ({ type: 'WORKSPACE_CAPTURED' } & Capture)
  | ({ type: 'WORKSPACE_REMOVED' } & EventData<'workspace.removed'>)
  | ({ type: 'WORKSPACE_ARCHIVED' } & EventData<'workspace.archived'>)
  | ({ type: 'WORKSPACE_KEPT' } & EventData<'workspace.kept'>)
  | { type: 'CLEANUP_FAILED'; error: string }
  | { type: 'CLOSE' }
  | { type: 'EFFECT_FAILED'; intent: string; error: string }

export type CommandBody = CoordinatorCommand | ClaimCommand | EffectResult
export type CommandType = CommandBody['type']
export type Command = CommandBody & { at: number; cause?: string | undefined }
export type CommandOf<T extends CommandType> = Extract<CommandBody, { type: T }> & {
  at: number
  cause?: string | undefined
}
