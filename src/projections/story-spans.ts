/** What took time and when, for drawing: phases, turns, steps (hooks, checks, tools) and waits, from events alone. */
import type { RecordedEvent } from '../events/envelope.ts'
import { toEpochMs } from '../events/timestamp.ts'
import { phaseAfter, type Lifecycle, type Phase } from './phase.ts'
import type { Recorded } from './projection.ts'
import { outcomeOf } from './status.ts'
import type { Lane, StoryMark, StorySpan, Tone } from './story-document.ts'
import { answeredTold } from './story-told.ts'
import { isCutOff } from './verification.ts'
import { durationWords } from '../words/amounts.ts'

type Begun = Omit<StorySpan, 'end_ms' | 'open'>

const PHASE_TONES: Partial<Record<Phase, Tone>> = { stalled: 'warn', blocked: 'bad' }

/** Spans in the order in which they ended; what has not ended ends with the last event. */
export function spansOf(events: readonly RecordedEvent[]): StorySpan[] {
  const spans: StorySpan[] = []
  const begun = new Map<Lane | 'hold', Begun>()
  const end = (key: Lane | 'hold', end_ms: number, change: Partial<Begun> = {}) => {
    const span = begun.get(key)
    if (span === undefined) return
    begun.delete(key)
    spans.push(finished({ ...span, ...change }, end_ms, false))
  }
  let lifecycle: Lifecycle | null = null
  let stopAsked = false
  for (const event of events) {
    const at = toEpochMs(event.time)
    const next: Lifecycle | null = phaseAfter(lifecycle, event)
    if (next !== null && next.phase !== lifecycle?.phase) {
      end('phase', at)
      end('wait', at)
      if (next.phase !== 'closed') begun.set('phase', phaseSpan(next.phase, at, event))
    }
    lifecycle = next
    if (event.type === 'turn.started') {
      end('wait', at)
      begun.set('turn', turnSpan(event, at))
    }
    const ended = turnEnd(event)
    if (ended !== null) end('turn', at, ended)
    else if (outcomeOf(event) !== null) end('turn', at)
    const waiting = waitSpan(event, at)
    if (waiting !== null) begun.set('wait', waiting)
    spans.push(...stepsOf(event, at, stopAsked))
    stopAsked ||= event.type === 'stop.requested'
  }
  const last = toEpochMs(events.at(-1)?.time ?? '')
  for (const span of begun.values()) spans.push(finished(span, last, true))
  return spans
}

export function marksOf(events: readonly RecordedEvent[]): StoryMark[] {
  return events.flatMap((event) => {
    const mark = markOf(event)
    return mark === null ? [] : [{ ...mark, at_ms: toEpochMs(event.time), position: event.position }]
  })
}

function markOf(event: RecordedEvent): Pick<StoryMark, 'label' | 'title' | 'tone'> | null {
  switch (event.type) {
    case 'start.requested':
      return { label: 'asked', title: `asked for by ${event.source}`, tone: 'plain' }
    case 'session.claimed':
      return event.data.epoch === 1
        ? null
        : { label: 'taken over', title: `taken over by runner ${event.data.runner_id}`, tone: 'warn' }
    case 'stop.requested':
      return { label: 'stop', title: `${event.data.by} asked to stop`, tone: 'warn' }
    case 'resume.requested':
      return { label: 'resume', title: `${event.data.by} asked to go on`, tone: 'plain' }
    case 'approval.granted':
      return { label: 'approved', title: `${event.data.by} approved a post`, tone: 'good' }
    case 'approval.denied':
      return { label: 'denied', title: `${event.data.by} denied a post`, tone: 'warn' }
    case 'session.completed':
    case 'session.failed':
    case 'session.blocked':
    case 'session.stopped': {
      const outcome = outcomeOf(event) ?? ''
      return { label: outcome, title: `decided: ${outcome} (${event.data.reason_code})`, tone: toneOf(outcome) }
    }
    default:
      return null
  }
}

export function toneOf(outcome: string): Tone {
  if (outcome === 'completed') return 'good'
  return outcome === 'stopped' ? 'warn' : 'bad'
}

function phaseSpan(phase: Phase, start_ms: number, { position }: RecordedEvent): Begun {
  return {
    lane: 'phase',
    label: phase,
    title: `phase ${phase}`,
    tone: PHASE_TONES[phase] ?? 'plain',
    start_ms,
    position,
  }
}

function turnSpan({ data, position }: Recorded<'turn.started'>, start_ms: number): Begun {
  const label = `turn ${data.turn_number}`
  return {
    lane: 'turn',
    label,
    title: `${label} (${data.kind.replaceAll('_', ' ')})`,
    tone: 'plain',
    start_ms,
    position,
  }
}

/** How an event ends the running turn; null when it does not. */
function turnEnd(event: RecordedEvent): Partial<Begun> | null {
  switch (event.type) {
    case 'turn.completed': {
      const tone = event.data.outcome === 'escalation_blocker' ? 'bad' : 'good'
      return { title: answeredTold(event.data), tone }
    }
    case 'turn.stalled':
      return { title: `turn ${event.data.turn_number} fell silent and was ended`, tone: 'warn' }
    case 'turn.timed_out':
      return { title: `turn ${event.data.turn_number} used up its budget`, tone: 'bad' }
    case 'turn.interrupted':
      return { title: `turn ${event.data.turn_number} was interrupted`, tone: 'warn' }
    case 'turn.stopped':
      return { title: `turn ${event.data.turn_number} was stopped`, tone: 'warn' }
    default:
      return null
  }
}

/** Waits that go on after an event: a backoff, or a blocked session's hold. */
function waitSpan(event: RecordedEvent, start_ms: number): Begun | null {
  const { position } = event
  if ((event.type === 'turn.stalled' || event.type === 'turn.interrupted') && event.data.backoff_ms !== null) {
    const title = `backoff of ${durationWords(event.data.backoff_ms)} before restart ${event.data.restart}`
    return { lane: 'wait', label: 'backoff', title, tone: 'warn', start_ms, position }
  }
  if (event.type === 'session.blocked' && event.data.hold_until !== null) {
    const title = `held for at most ${durationWords(event.data.hold_ms)}, for somebody to resume it`
    return { lane: 'wait', label: 'hold', title, tone: 'warn', start_ms, position }
  }
  return null
}

/** What an event says took time before it. */
function stepsOf(event: RecordedEvent, at: number, stopAsked: boolean): StorySpan[] {
  const { position } = event
  switch (event.type) {
    case 'hook.finished': {
      const { hook, ok, duration_ms } = event.data
      const start_ms = toEpochMs(event.data.started_at)
      return [stepSpan(hook, `hook ${hook}`, ok, { start_ms, duration_ms, position })]
    }
    case 'tool.finished': {
      const { tool_name, ok, duration_ms } = event.data
      const start_ms = toEpochMs(event.data.started_at)
      return [stepSpan(tool_name, `tool ${tool_name}`, ok, { start_ms, duration_ms, position })]
    }
    case 'checks.passed':
    case 'checks.failed':
      return checkSpans(event, at, stopAsked)
    case 'turn.stalled': {
      if (event.data.last_activity === null) return []
      const start_ms = toEpochMs(event.data.last_activity)
      const title = `silent for longer than ${durationWords(event.data.stall_window_ms)}`
      return [finished({ lane: 'wait', label: 'silence', title, tone: 'bad', start_ms, position }, at, false)]
    }
    default:
      return []
  }
}

/** Checks run one after the other, and the event follows the last one. */
function checkSpans(
  { data, position }: Recorded<'checks.passed' | 'checks.failed'>,
  at: number,
  stopAsked: boolean,
): StorySpan[] {
  let start_ms = at - data.checks.reduce((sum, { duration_ms }) => sum + duration_ms, 0)
  return data.checks.map((check) => {
    const { name, duration_ms } = check
    const ended = stopAsked && isCutOff(check) ? 'cut' : check.ok
    const span = stepSpan(name, `check ${name}`, ended, { start_ms, duration_ms, position })
    start_ms += duration_ms
    return span
  })
}

function stepSpan(
  label: string,
  what: string,
  ok: boolean | 'cut',
  { start_ms, duration_ms, position }: { start_ms: number; duration_ms: number; position: number },
): StorySpan {
  const [ended, tone]: [string, Tone] =
    ok === 'cut' ? ['was ended by the stop', 'warn'] : ok ? ['succeeded', 'good'] : ['failed', 'bad']
  return finished(
    { lane: 'step', label, title: `${what} ${ended}`, tone, start_ms, position },
    start_ms + duration_ms,
    false,
  )
}

/** Clocks of several hosts may differ a little: nothing ends before it begins. */
function finished(span: Begun, endMs: number, open: boolean): StorySpan {
  const end_ms = Math.max(span.start_ms, endMs)
  const took = durationWords(end_ms - span.start_ms)
  return { ...span, end_ms, open, title: `${span.title}, ${took}${open ? ' so far' : ''}` }
}
