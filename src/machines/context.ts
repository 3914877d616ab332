/** What a session remembers: plain JSON, derived from its events alone. */
import type {
  CheckResult,
  ExecutorResponse,
  PostKind,
  ReasonCode,
  ResponseIssue,
  ToolResult,
  TurnKind,
  TurnOutcome,
  Workspace,
} from '../events/parts.ts'
import type { Outcome } from '../events/terms.ts'
import type { EventData } from '../events/session-events.ts'
import type { StartInput } from '../events/start-input.ts'

/** The end a session is heading for, decided but not yet in the log as an event of its own. */
export type Verdict = { outcome: Outcome; reason_code: ReasonCode; summary: string; verified: boolean | null }

export type CurrentTurn = {
  number: number
  kind: TurnKind
  task: string
  turn_timeout_ms: number
  stall_window_ms: number
  directory: string
  spawned: EventData<'turn.spawned'> | null
  last_activity: string | null
  stdout_bytes: number
  stderr_bytes: number
  response: ExecutorResponse | null
  issues: ResponseIssue[]
  exit_code: number | null
  tool_results: ToolResult[]
}

/** An earlier turn in brief, as the executor is told about it. */
export type TurnBrief = {
  turn_number: number
  kind: TurnKind
  status: 'continue' | 'done' | 'blocked' | 'failed' | 'stalled' | 'interrupted'
  summary: string
  evidence_refs: string[]
}
export const CONTINUITY_TURNS_MAX = 20
export const CONTINUITY_SUMMARY_CHARS_MAX = 1_000
export const CONTINUITY_EVIDENCE_MAX = 20
export const CONTINUITY_EVIDENCE_CHARS_MAX = 300

/** What cut the previous turn short. */
export type Stall = {
  turn_number: number
  reason: 'stalled' | 'interrupted'
  last_activity: string | null
  restart: number
  restarts_max: number
}

export type SessionContext = {
  request: StartInput | null
  requestedAt: string | null
  claim: EventData<'session.claimed'> | null
  started: EventData<'session.started'> | null
  workspace: Workspace | null
  beforeRunOk: boolean
  task: string
  nextKind: TurnKind
  turn: CurrentTurn | null
  turnsStarted: number
  lastOutcome: TurnOutcome | null
  /** `done` was answered and the stop checks have not judged it yet. */
  claimsDone: boolean
  consecutiveRestarts: number
  /** When the next turn may start, after a stall. */
  dueAt: string | null
  stall: Stall | null
  previousToolCalls: ToolResult[]
  continuity: TurnBrief[]
  failedChecks: CheckResult[]
  guidance: string | null
  stop: { by: string; reason: string | null } | null
  verdict: Verdict | null
  /** Recorded outcome. A resumed session has none again. */
  outcome: Outcome | null
  reasonCode: ReasonCode | null
  holdUntil: string | null
  blockedBeforeRun: boolean
  /** The post that must be recorded as held next. */
  post: { post_id: string; kind: PostKind; summary: string } | null
  heldPosts: string[]
  /** Capturing failed, so the workspace must stay where it is. */
  captureFailed: boolean
}

export const INITIAL_CONTEXT: SessionContext = {
  request: null,
  requestedAt: null,
  claim: null,
  started: null,
  workspace: null,
  beforeRunOk: false,
  task: '',
  nextKind: 'first',
  turn: null,
  turnsStarted: 0,
  lastOutcome: null,
  claimsDone: false,
  consecutiveRestarts: 0,
  dueAt: null,
  stall: null,
  previousToolCalls: [],
  continuity: [],
  failedChecks: [],
  guidance: null,
  stop: null,
  verdict: null,
  outcome: null,
  reasonCode: null,
  holdUntil: null,
  blockedBeforeRun: false,
  post: null,
  heldPosts: [],
  captureFailed: false,
}
