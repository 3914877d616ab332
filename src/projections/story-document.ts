/** The story of a session: what its events tell, in plain order, with everything measured and nothing invented. */
import type { Position } from '../events/ids.ts'
import type { Limits } from '../events/limits.ts'
import type { Capture, CheckResult, ExecutorResponse, Output, ReasonCode } from '../events/parts.ts'
import type { Outcome } from '../events/terms.ts'

/** How a thing went: `warn` is what was put up with, `bad` what ended something. */
export type Tone = 'plain' | 'good' | 'warn' | 'bad'

/** What a process printed, as far as the event holds it; the artifact has the whole. */
export type Printed = { label: string; text: string; bytes: number; clipped: boolean; artifact: Output['artifact'] }

export type StoryEntry = {
  position: Position
  time: string
  /** Milliseconds since the session was asked for. */
  at_ms: number
  type: string
  turn: number | null
  tone: Tone
  title: string
  /** Why, with what, and what follows from it. */
  details: string[]
  printed: Printed[]
}

export const LANES = ['phase', 'turn', 'step', 'wait'] as const
export type Lane = (typeof LANES)[number]

/** Something that took time. Epoch milliseconds. */
export type StorySpan = {
  lane: Lane
  /** What it was, in one or two words. */
  label: string
  title: string
  tone: Tone
  start_ms: number
  end_ms: number
  /** Still going on when the record ends. */
  open: boolean
  /** The event that tells of it. */
  position: Position
}
/** Something that happened at one moment: a request, an approval, an outcome. */
export type StoryMark = { label: string; title: string; tone: Tone; at_ms: number; position: Position }

export type StoryClaim = {
  turn_number: number
  status: ExecutorResponse['status']
  summary: string
  evidence_refs: string[]
  position: Position
}
export type StoryVerification = {
  /** Null: there was nothing to check it with, no check came to its turn, or a stop was asked for before they ended. */
  verified: boolean | null
  checks: CheckResult[]
  /** Of the event with the checks; null: none ran. */
  position: Position | null
}
export type StoryOutcome = {
  outcome: Outcome
  reason_code: ReasonCode
  summary: string
  time: string
  position: Position
}

export type Story = {
  session_id: string
  events: number
  first_position: Position
  last_position: Position
  head_hash: string
  asked: {
    by: string
    time: string
    task: string
    objective_id: string | null
    tracker_item_id: string | null
    labels: Record<string, string>
  }
  /** What it ran under; null as long as no runner has opened it. */
  ran: {
    workflow_path: string | null
    workflow_digest: string
    command: string
    protocol: string
    limits: Limits
    stop_checks: number
    runners: string[]
  } | null
  outcome: StoryOutcome | null
  /** What the executor said last. */
  claimed: StoryClaim | null
  /** What was found when the claim was checked. */
  verified: StoryVerification
  changed: (Capture & { position: Position }) | null
  turns: number
  /** From the request to the last event. */
  duration_ms: number
  /** Time in which an executor's process ran. */
  working_ms: number
  entries: StoryEntry[]
  spans: StorySpan[]
  marks: StoryMark[]
}
