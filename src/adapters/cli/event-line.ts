/** One readable line per event. */
import type { RecordedEvent } from '../../events/envelope.ts'
import type { EventData, EventType } from '../../events/session-events.ts'
import { answeredTold } from '../../projections/story-told.ts'
import { countWords, durationWords, sizeWords } from '../../words/amounts.ts'
import { checkWords } from './check-words.ts'
import { coloured, colourOfStatus, type Colour } from './colours.ts'
import { clipped, oneLine } from './printable.ts'

const TEXT_CHARACTERS_MAX = 200
const TYPE_WIDTH = 19

type Words = { [T in EventType]: (data: EventData<T>) => string }

const short = (text: string) => clipped(text, TEXT_CHARACTERS_MAX)
const because = (reason: string | undefined) => (reason === undefined || reason === '' ? '' : `: ${short(reason)}`)
const asked = ({ by, reason }: { by: string; reason?: string | undefined }) => `by ${by}${because(reason)}`
const concluded = (data: { reason_code: string; summary: string }) => `${data.reason_code}: ${short(data.summary)}`
const restarting = (data: EventData<'turn.stalled'> | EventData<'turn.interrupted'>) =>
  data.backoff_ms === null
    ? `no restart left of ${data.restarts_max}`
    : `restart ${data.restart} of ${data.restarts_max} in ${durationWords(data.backoff_ms)}`

const words: Words = {
  'start.requested': ({ task }) => short(task),
  'session.claimed': ({ runner_id, epoch }) => `by runner ${runner_id}, epoch ${epoch}`,
  'session.started': ({ workflow, limits }) =>
    `${workflow.path ?? 'command from the command line'}, at most ${countWords(limits.max_turns, 'turn')} of ${durationWords(limits.turn_timeout_ms)}`,
  'workspace.created': ({ source, path }) => `${source} at ${path}`,
  'workspace.failed': ({ error }) => short(error),
  'checks.passed': ({ stage, checks }) => `${stage}: ${checkWords(checks)}`,
  'checks.failed': ({ stage, checks }) => `${stage}: ${checkWords(checks)}`,
  'hook.finished': ({ hook, ok, exit_code, timed_out, duration_ms }) =>
    `${hook} ${ok ? 'ok' : timed_out ? 'timed out' : `failed with ${exit_code ?? 'no exit code'}`} after ${durationWords(duration_ms)}`,
  'turn.started': ({ turn_number, kind, task }) => `turn ${turn_number} (${kind}): ${short(task)}`,
  'turn.spawned': ({ turn_number, pid }) => `turn ${turn_number} is process ${pid}`,
  'turn.progressed': ({ turn_number, stdout_bytes, stderr_bytes }) =>
    `turn ${turn_number} has written ${sizeWords(stdout_bytes + stderr_bytes)}`,
  'turn.exited': ({ turn_number, exit_code, signal, duration_ms, issues }) =>
    [
      `turn ${turn_number} exited with ${exit_code ?? signal ?? 'no exit code'} after ${durationWords(duration_ms)}`,
      ...issues.map(({ path, message }) => short(path === '' ? message : `${path}: ${message}`)),
    ].join('; '),
  'turn.stalled': (data) =>
    `turn ${data.turn_number} was silent for more than ${durationWords(data.stall_window_ms)}; ${restarting(data)}`,
  'turn.timed_out': ({ turn_number, turn_timeout_ms }) =>
    `turn ${turn_number} took more than ${durationWords(turn_timeout_ms)}`,
  'turn.interrupted': (data) => `turn ${data.turn_number}${because(data.reason)}; ${restarting(data)}`,
  'turn.stopped': ({ turn_number, reason }) => `turn ${turn_number}${because(reason)}`,
  'tool.finished': ({ tool_name, ok, error, duration_ms }) =>
    `${tool_name} ${ok ? 'ok' : 'failed'} after ${durationWords(duration_ms)}${ok ? '' : because(error?.message)}`,
  'turn.completed': (data) => `${answeredTold(data)}: ${short(data.summary)}`,
  'stop.requested': asked,
  'resume.requested': (data) => `${asked(data)}${because(data.guidance)}`,
  'approval.granted': (data) => `${data.post_id} ${asked(data)}`,
  'approval.denied': (data) => `${data.post_id} ${asked(data)}`,
  'session.completed': concluded,
  'session.failed': concluded,
  'session.blocked': (data) =>
    `${concluded(data)}${data.hold_until !== null ? `; waits ${durationWords(data.hold_ms)} for swarmtrail resume` : ''}`,
  'session.stopped': concluded,
  'session.resumed': ({ guidance }) => short(guidance),
  'post.held': ({ post_id, kind, summary }) => `${kind} ${post_id}: ${short(summary)}`,
  'workspace.captured': ({ files }) => `${countWords(files.length, 'file')} changed`,
  'workspace.removed': ({ path }) => path,
  'workspace.archived': ({ archive_path }) => archive_path ?? '',
  'workspace.kept': ({ path }) => path,
  'workspace.cleanup_failed': ({ error }) => short(error),
  'session.closed': ({ outcome, turns, duration_ms }) =>
    `${outcome} after ${countWords(turns, 'turn')} in ${durationWords(duration_ms)}`,
}

export function describeEvent(event: RecordedEvent): string {
  const say = words[event.type] as (data: RecordedEvent['data']) => string
  return oneLine(say(event.data))
}

const COLOURS: Partial<Record<EventType, Colour>> = {
  'workspace.failed': 'red',
  'workspace.cleanup_failed': 'red',
  'checks.failed': 'red',
  'turn.timed_out': 'red',
  'turn.stalled': 'yellow',
  'turn.interrupted': 'yellow',
}

/** `12:03:04 turn.started         turn 1 (first): ...`; with the session where several are shown. */
export function eventLine(event: RecordedEvent, options: { colours: boolean; withSession: boolean }): string {
  const colour = COLOURS[event.type] ?? colourOfStatus(event.type.slice('session.'.length))
  const type = event.type.padEnd(TYPE_WIDTH)
  const session = options.withSession ? `${event.subject} ` : ''
  const time = coloured(options.colours, 'dim', event.time.slice(11, 19))
  return `${time} ${session}${coloured(options.colours, colour, type)} ${describeEvent(event)}`.trimEnd()
}
