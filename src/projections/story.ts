/**
 * From a session's events to its story. Pure: the story is only what the events say. All text in it is plain (no
 * control bytes, no direction marks), so it may be shown anywhere; what is shown as HTML must still be escaped.
 */
import type { RecordedEvent } from '../events/envelope.ts'
import { toEpochMs } from '../events/timestamp.ts'
import type { Recorded } from './projection.ts'
import { outcomeOf } from './status.ts'
import type { Story, StoryClaim, StoryEntry, StoryOutcome } from './story-document.ts'
import { afterEvent, NOTHING_BEFORE } from './story-before.ts'
import { entryOf } from './story-entries.ts'
import { marksOf, spansOf } from './story-spans.ts'
import { verificationIn } from './verification.ts'
import { plainDeep } from '../words/plain-text.ts'

/** The events of one trail in order; null when they do not begin with a request. */
export function storyOf(events: readonly RecordedEvent[]): Story | null {
  const [first] = events
  const last = events.at(-1)
  if (first === undefined || last === undefined || first.type !== 'start.requested') return null
  const startMs = toEpochMs(first.time)
  return plainDeep({
    session_id: first.subject,
    events: events.length,
    first_position: first.position,
    last_position: last.position,
    head_hash: last.hash,
    asked: askedIn(first),
    ran: ranIn(events),
    outcome: outcomeIn(events),
    claimed: claimIn(events),
    verified: verificationIn(events),
    changed: changeIn(events),
    turns: events.filter(({ type }) => type === 'turn.started').length,
    duration_ms: Math.max(0, toEpochMs(last.time) - startMs),
    working_ms: events.reduce((sum, event) => sum + workedMs(event), 0),
    entries: entriesOf(events, startMs),
    spans: spansOf(events),
    marks: marksOf(events),
  })
}

function entriesOf(events: readonly RecordedEvent[], startMs: number): StoryEntry[] {
  let before = NOTHING_BEFORE
  return events.flatMap((event) => {
    const entry = entryOf(event, toEpochMs(event.time) - startMs, before)
    before = afterEvent(before, event)
    return entry ?? []
  })
}

function askedIn({ data, source, time }: Recorded<'start.requested'>): Story['asked'] {
  return {
    by: source,
    time,
    task: data.task,
    objective_id: data.objective_id ?? null,
    tracker_item_id: data.tracker_item_id ?? null,
    labels: data.labels,
  }
}

function ranIn(events: readonly RecordedEvent[]): Story['ran'] {
  const started = events.find((event) => event.type === 'session.started')
  if (started === undefined) return null
  const { workflow, config, limits } = started.data
  const runners = events.flatMap((event) => (event.type === 'session.claimed' ? [event.data.runner_id] : []))
  return {
    workflow_path: workflow.path,
    workflow_digest: workflow.digest,
    command: config.executor.command,
    protocol: config.executor.protocol,
    limits,
    stop_checks: config.autonomy.stop.length,
    runners: [...new Set(runners)],
  }
}

function outcomeIn(events: readonly RecordedEvent[]): StoryOutcome | null {
  const at = events.findLastIndex((event) => outcomeOf(event) !== null)
  const event = events[at]
  const resumed = events.slice(at + 1).some(({ type }) => type === 'session.resumed')
  if (event === undefined || resumed) return null
  const outcome = outcomeOf(event)
  if (outcome === null || !('reason_code' in event.data)) return null
  const { reason_code, summary } = event.data
  return { outcome, reason_code, summary, time: event.time, position: event.position }
}

function claimIn(events: readonly RecordedEvent[]): StoryClaim | null {
  const event = events.findLast((event) => event.type === 'turn.exited' && event.data.response !== null)
  if (event?.type !== 'turn.exited' || event.data.response === null) return null
  const { status, summary, evidence_refs } = event.data.response
  return { turn_number: event.data.turn_number, status, summary, evidence_refs, position: event.position }
}

function changeIn(events: readonly RecordedEvent[]): Story['changed'] {
  const event = events.findLast((event) => event.type === 'workspace.captured')
  return event?.type === 'workspace.captured' ? { ...event.data, position: event.position } : null
}

function workedMs(event: RecordedEvent): number {
  switch (event.type) {
    case 'turn.exited':
      return event.data.duration_ms
    case 'turn.stalled':
    case 'turn.timed_out':
    case 'turn.interrupted':
    case 'turn.stopped':
      return event.data.duration_ms ?? 0
    default:
      return 0
  }
}
