/** Where a walk along a record stands: what has been seen, and what the other workflow would have made of it so far. */
import type { RecordedEvent } from '../../events/envelope.ts'
import type { Position } from '../../events/ids.ts'
import { effectiveLimits, type Limits } from '../../events/limits.ts'
import type { ReasonCode } from '../../events/parts.ts'
import type { Outcome } from '../../events/terms.ts'
import type { EventData } from '../../events/session-events.ts'
import type { StartInput } from '../../events/start-input.ts'
import { toEpochMs } from '../../events/timestamp.ts'
import type { WorkflowConfig } from '../../events/workflow-config.ts'
import { durationWords } from '../../words/amounts.ts'
import type { RecordedTurn } from './turn.ts'

export type Would = { outcome: Outcome; reason_code: ReasonCode; at_turn: number; at_position: Position }
/** The first decision that differs. `would` null: what would have followed is not in the record. */
export type Finding = { would: Would | null; why: string }
export type Walk = {
  readonly config: WorkflowConfig
  readonly request: StartInput
  events: readonly RecordedEvent[]
  index: number
  started: EventData<'session.started'> | null
  limits: Limits
  turns: number
  turn: RecordedTurn | null
  /** Turns cut short in a row. */
  restarts: number
  stopAtMs: number | null
  /** Until when a session, blocked by the event at this index, would have waited; null: it would not have. */
  hold: { index: number; untilMs: number | null; reason_code: ReasonCode; isAsLong: boolean } | null
  waits: { recorded: number; would: number }
  notes: string[]
  notJudged: string[]
  openHold: string | null
}

export function beginWalk(events: readonly RecordedEvent[], request: StartInput, config: WorkflowConfig): Walk {
  return {
    config,
    request,
    events,
    index: 0,
    started: null,
    limits: effectiveLimits(config, request),
    turns: 0,
    turn: null,
    restarts: 0,
    stopAtMs: null,
    hold: null,
    waits: { recorded: 0, would: 0 },
    notes: [],
    notJudged: [],
    openHold: null,
  }
}

export function holdNote(limits: Limits): string {
  return `blocked, it would have waited for ${durationWords(limits.hold_ms)}; whether somebody would have resumed it is not in the record`
}

/** The session would have ended there; `atMs` when that was before the event at hand. */
export function ends(
  walk: Walk,
  outcome: Outcome,
  reason_code: ReasonCode,
  why: string,
  atMs = Number.POSITIVE_INFINITY,
): Finding {
  const waits = outcome === 'blocked' && walk.limits.hold_ms > 0 && walk.turns < walk.limits.max_turns
  if (waits && walk.hold === null) walk.notJudged.push(holdNote(walk.limits))
  const seen = walk.events.slice(0, walk.index + 1)
  const event = seen.findLast(({ time }) => toEpochMs(time) <= atMs) ?? seen[0]
  return { would: { outcome, reason_code, at_turn: walk.turns, at_position: event?.position ?? 0 }, why }
}
