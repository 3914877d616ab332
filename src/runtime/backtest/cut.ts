/** A turn ended: would it have run that long, and what would have been decided when it is cut short? */
import type { RecordedEvent } from '../../events/envelope.ts'
import { backoffMs } from '../../events/limits.ts'
import type { EventData } from '../../events/session-events.ts'
import { toEpochMs } from '../../events/timestamp.ts'
import { durationWords } from '../../words/amounts.ts'
import { cutUnder, type TurnEnd } from './turn.ts'
import { ends, type Finding, type Walk } from './walk.ts'

type EndEvent = Extract<RecordedEvent, { type: `turn.${TurnEnd['kind']}` }>

export function turnEnded(walk: Walk, event: EndEvent): Finding | null {
  const { turn } = walk
  walk.turn = null
  // A turn that exited can still be recorded as stopped; its process ended before.
  if (turn === null) return null
  const cut = cutUnder(walk.limits, turn, endOf(event))
  const isBeforeStop = cut !== null && (walk.stopAtMs === null || cut.atMs < walk.stopAtMs)
  if (!isBeforeStop) return wasCutShort(event) ? cutShort(walk, event, toEpochMs(event.time), true) : null
  if (cut.kind === 'unknown') return { would: null, why: cut.why }
  if (cut.kind === 'timed_out') {
    const why = `turn ${turn.number} would have used up its budget of ${durationWords(walk.limits.turn_timeout_ms)}`
    return ends(walk, 'failed', 'turn_timeout', why, cut.atMs)
  }
  const isSame = event.type === 'turn.stalled' && cut.inLastSilence
  if (isSame)
    walk.notes.push(
      `turn ${turn.number} would have been ended after ${durationWords(walk.limits.stall_window_ms)} of silence, earlier than recorded`,
    )
  return cutShort(walk, event, cut.atMs, isSame)
}

function endOf(event: EndEvent): TurnEnd {
  const { data, type, time } = event
  const last = 'last_activity' in data ? data.last_activity : null
  const outputs = [data.stdout, data.stderr]
  return {
    kind: type.slice('turn.'.length) as TurnEnd['kind'],
    atMs: toEpochMs(time),
    durationMs: data.duration_ms ?? null,
    lastActivityMs: last === null ? null : toEpochMs(last),
    printed: outputs.every((output) => output !== undefined)
      ? outputs.reduce((sum, output) => sum + (output?.bytes ?? 0), 0)
      : null,
  }
}

function wasCutShort(event: EndEvent): boolean {
  return event.type === 'turn.stalled' || event.type === 'turn.interrupted'
}

/** A turn is cut short: is there another one? `isSame`: the record has it cut short too, and goes on from there. */
function cutShort(walk: Walk, event: EndEvent, atMs: number, isSame: boolean): Finding | null {
  const { limits } = walk
  const restart = walk.restarts + 1
  const decided =
    restart > limits.max_stall_restarts ? 'exhausted' : walk.turns >= limits.max_turns ? 'spent' : 'restart'
  const recorded = isSame && 'restart' in event.data ? decisionIn(event.data) : null
  walk.restarts = restart
  if (walk.stopAtMs !== null && atMs >= walk.stopAtMs) return null
  if (decided === recorded) {
    walk.waits.recorded += 'backoff_ms' in event.data ? (event.data.backoff_ms ?? 0) : 0
    walk.waits.would += decided === 'restart' ? backoffMs(limits, restart) : 0
    return null
  }
  const what = isSame
    ? `turn ${walk.turns} was cut short`
    : `turn ${walk.turns} would have been ended after ${durationWords(limits.stall_window_ms)} of silence`
  if (decided === 'exhausted')
    return ends(
      walk,
      'blocked',
      'stall_restart_exhausted',
      `${what}, and only ${limits.max_stall_restarts} restarts in a row would have been allowed`,
      atMs,
    )
  if (decided === 'spent')
    return ends(
      walk,
      'failed',
      'max_turns_exceeded',
      `${what}, and ${limits.max_turns} turns would have been all`,
      atMs,
    )
  return {
    would: null,
    why: `${what} and would have been restarted; what the next turn would have done is not in the record`,
  }
}

function decisionIn(
  data: Pick<EventData<'turn.stalled'>, 'due_at' | 'restart' | 'restarts_max'>,
): 'exhausted' | 'spent' | 'restart' {
  if (data.due_at !== null) return 'restart'
  return data.restart > data.restarts_max ? 'exhausted' : 'spent'
}
