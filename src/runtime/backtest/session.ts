/**
 * One recorded session under another workflow's limits and stop checks. The record is walked decision by decision; as
 * long as the other workflow decides the same, what followed counts. The first decision that differs either ends the
 * session, which is a result, or leads on to what nobody has seen, which is said plainly.
 */
import type { RecordedEvent } from '../../events/envelope.ts'
import type { ReasonCode } from '../../events/parts.ts'
import type { Outcome } from '../../events/terms.ts'
import type { EventData } from '../../events/session-events.ts'
import { toEpochMs } from '../../events/timestamp.ts'
import type { WorkflowConfig } from '../../events/workflow-config.ts'
import { countWords, durationWords } from '../../words/amounts.ts'
import { claimUnder, type Claim } from './claim.ts'
import { turnEnded } from './cut.ts'
import type { RecordedTurn } from './turn.ts'
import { beginWalk, ends, holdNote, type Finding, type Walk, type Would } from './walk.ts'

export type SessionBacktest = {
  session_id: string
  recorded: { outcome: Outcome | null; reason_code: ReasonCode | null; turns: number }
  would: Would | 'same' | 'unknown'
  /** One line. */
  why: string
  /** What the record could not tell. */
  not_judged: string[]
}

/** The events of one trail, from `start.requested` on. Pure. */
export function backtestSession(events: readonly RecordedEvent[], config: WorkflowConfig): SessionBacktest {
  const [first] = events
  if (first === undefined || first.type !== 'start.requested') throw new Error('a trail begins with start.requested')
  const walk = beginWalk(events, first.data, config)
  let finding: Finding | null = null
  for (const [index, event] of events.entries()) {
    walk.index = index
    finding = step(walk, event)
    if (finding !== null) break
  }
  return result(walk, finding)
}

function step(walk: Walk, event: RecordedEvent): Finding | null {
  switch (event.type) {
    case 'session.started':
      walk.started = event.data
      return null
    case 'checks.failed':
      return event.data.stage === 'before_run' && beforeRunDiffers(walk)
        ? {
            would: null,
            why: 'checks before the run failed; the other workflow has other ones, and what would have followed is not in the record',
          }
        : null
    case 'turn.started':
      walk.turns = event.data.turn_number
      walk.turn = recordedTurn(event.data, toEpochMs(event.time))
      return null
    case 'turn.spawned':
      if (walk.turn !== null) walk.turn.launchedMs = toEpochMs(event.time)
      return null
    case 'turn.progressed':
      walk.turn?.activityMs.push(toEpochMs(event.data.last_activity))
      if (walk.turn !== null) walk.turn.printed = event.data.stdout_bytes + event.data.stderr_bytes
      return null
    case 'turn.exited':
    case 'turn.stalled':
    case 'turn.timed_out':
    case 'turn.interrupted':
    case 'turn.stopped':
      return turnEnded(walk, event)
    case 'turn.completed':
      walk.restarts = 0
      return walk.stopAtMs === null ? turnSettled(walk, event.data) : null
    case 'stop.requested':
      walk.stopAtMs ??= toEpochMs(event.time)
      return null
    case 'session.blocked':
      return blockedSession(walk, event.data, toEpochMs(event.time))
    case 'resume.requested':
      return resumeAsked(walk, toEpochMs(event.time))
    case 'session.resumed':
      walk.restarts = 0
      walk.openHold = null
      walk.hold = null
      return null
    default:
      return null
  }
}

function recordedTurn(data: EventData<'turn.started'>, atMs: number): RecordedTurn {
  return {
    number: data.turn_number,
    launchedMs: atMs,
    window_ms: data.stall_window_ms,
    budget_ms: data.turn_timeout_ms,
    activityMs: [],
    printed: 0,
  }
}

function beforeRunDiffers({ started, config }: Walk): boolean {
  return JSON.stringify(started?.config.autonomy.before_run) !== JSON.stringify(config.autonomy.before_run)
}

/** What the record can't tell of the other workflow's checks before the run, as far as the walk has come. */
function beforeRunNotes(walk: Walk): string[] {
  if (walk.started === null || !beforeRunDiffers(walk)) return []
  const seen = walk.events.slice(0, walk.index + 1)
  const judged = seen.find(
    (event) =>
      event.type === 'turn.started' ||
      ((event.type === 'checks.passed' || event.type === 'checks.failed') && event.data.stage === 'before_run'),
  )
  if (judged?.type === 'checks.failed') return []
  const how = judged === undefined ? 'the record ends before any were judged' : 'taken as passed, as recorded'
  return [`the checks before the run differ; ${how}`]
}

function turnSettled(walk: Walk, data: EventData<'turn.completed'>): Finding | null {
  if (data.status === 'done') return claimFinding(walk, claimUnder(walk))
  if (data.status !== 'continue') return null
  const allowed = walk.limits.max_turns
  const isSpent = walk.turns >= allowed
  const wasSpent = walk.turns >= (walk.started?.limits.max_turns ?? 0)
  if (isSpent === wasSpent) return null
  return isSpent
    ? ends(
        walk,
        'failed',
        'max_turns_exceeded',
        `not done after ${countWords(walk.turns, 'turn')}, and ${allowed} would have been all`,
      )
    : {
        would: null,
        why: `${walk.turns} turns were all, ${allowed} would have been allowed; what turn ${walk.turns + 1} would have done is not in the record`,
      }
}

function claimFinding(walk: Walk, claim: Claim): Finding | null {
  if (claim.kind === 'as_recorded') return null
  if (claim.kind === 'unknown') return { would: null, why: claim.why }
  return claim.kind === 'completes'
    ? ends(walk, 'completed', 'done', claim.why)
    : ends(walk, 'blocked', 'stop_checks_failed', claim.why)
}

function blockedSession(walk: Walk, data: EventData<'session.blocked'>, atMs: number): null {
  const { hold_ms, max_turns } = walk.limits
  const waits = hold_ms > 0 && walk.turns < max_turns
  const isAsLong = hold_ms >= data.hold_ms && waits
  walk.hold = { index: walk.index, untilMs: waits ? atMs + hold_ms : null, reason_code: data.reason_code, isAsLong }
  const longer = waits && (data.hold_until === null || hold_ms > data.hold_ms)
  walk.openHold = longer ? holdNote(walk.limits) : null
  return null
}

function resumeAsked(walk: Walk, atMs: number): Finding | null {
  const { hold } = walk
  // Whoever waits as long as was recorded sees the resume too, whatever the clocks of the record say.
  if (hold === null || hold.isAsLong || (hold.untilMs !== null && atMs <= hold.untilMs)) return null
  const why =
    hold.untilMs === null
      ? 'blocked, it would not have waited for the resume'
      : `blocked, it would have waited for ${durationWords(walk.limits.hold_ms)} only, and the resume came later`
  // The resume that would have been refused is no part of it.
  const before = { ...walk, index: hold.untilMs === null ? hold.index : walk.index - 1 }
  return ends(before, 'blocked', hold.reason_code, why, hold.untilMs ?? undefined)
}

function result(walk: Walk, finding: Finding | null): SessionBacktest {
  const recorded = recordedEnd(walk.events)
  const isSame =
    finding?.would != null &&
    finding.would.outcome === recorded.outcome &&
    finding.would.reason_code === recorded.reason_code &&
    finding.would.at_turn === recorded.turns
  const known = { session_id: walk.request.session_id, recorded }
  const open = finding === null && walk.openHold !== null ? [walk.openHold] : []
  const not_judged = [...beforeRunNotes(walk), ...walk.notJudged, ...open]
  if (finding === null && recorded.outcome === null) {
    const why = 'it has not come to its end'
    return { ...known, would: 'unknown', why, not_judged: [...not_judged, why] }
  }
  if (finding === null) return { ...known, would: 'same', why: sameBecause(walk), not_judged }
  if (finding.would === null)
    return { ...known, would: 'unknown', why: finding.why, not_judged: [...not_judged, finding.why] }
  return { ...known, would: isSame ? 'same' : finding.would, why: finding.why, not_judged }
}

function sameBecause({ notes, waits, started }: Walk): string {
  if (started === null) return 'it ended before any limit could matter'
  const { recorded, would } = waits
  const waited =
    recorded === would
      ? []
      : [`it would have waited ${durationWords(would)} instead of ${durationWords(recorded)} between turns`]
  return [...notes, ...waited].join('; ') || 'no limit and no check would have decided otherwise'
}

function recordedEnd(events: readonly RecordedEvent[]): SessionBacktest['recorded'] {
  const turns = events.filter(({ type }) => type === 'turn.started').length
  const end = events.findLast(({ type }) => type === 'session.resumed' || OUTCOMES_BY_TYPE[type] !== undefined)
  const outcome = end === undefined ? undefined : OUTCOMES_BY_TYPE[end.type]
  if (end === undefined || outcome === undefined || !('reason_code' in end.data))
    return { outcome: null, reason_code: null, turns }
  return { outcome, reason_code: end.data.reason_code, turns }
}

const OUTCOMES_BY_TYPE: Readonly<Partial<Record<string, Outcome>>> = {
  'session.completed': 'completed',
  'session.failed': 'failed',
  'session.blocked': 'blocked',
  'session.stopped': 'stopped',
}
