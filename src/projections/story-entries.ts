/** Each event as a person would tell it: what happened, why, and what it printed. */
import type { RecordedEvent } from '../events/envelope.ts'
import type { EventType } from '../events/session-events.ts'
import type { Recorded } from './projection.ts'
import type { Before } from './story-before.ts'
import type { StoryEntry } from './story-document.ts'
import {
  answeredTold,
  checksTold,
  concludedTold,
  cutTold,
  exitOf,
  jsonText,
  lastHeard,
  named,
  pairs,
  printedOutput,
  printedText,
  restartOf,
  type Told,
} from './story-told.ts'
import { inputWords } from './tool-input.ts'
import { countWords, durationWords, sizeWords } from '../words/amounts.ts'

const FILES_TOLD_MAX = 50
const EVIDENCE_TOLD_MAX = 20

type Tellers = { [T in EventType]: (event: Recorded<T>, before: Before) => Told | null }

const tellers: Tellers = {
  'start.requested': ({ data, source }) => ({
    title: `${source} asked for a session`,
    details: [
      `task: ${data.task}`,
      named('objective', data.objective_id),
      named('tracker item', data.tracker_item_id),
      named('source', data.source_path),
      named('labels', pairs(data.labels)),
      data.max_turns === undefined ? null : `asked for at most ${countWords(data.max_turns, 'turn')}`,
      data.turn_timeout_ms === undefined ? null : `asked for ${durationWords(data.turn_timeout_ms)} per turn`,
      data.auto_cleanup ? null : 'asked to keep the workspace',
    ],
  }),
  'session.claimed': ({ data }) => ({
    title: `runner ${data.runner_id} ${data.epoch === 1 ? 'took the session' : 'took the session over'}`,
    tone: data.epoch === 1 ? 'plain' : 'warn',
    details: [`process ${data.pid} on ${data.host}, epoch ${data.epoch}`],
  }),
  'session.started': ({ data: { workflow, config, limits } }) => ({
    title: `the workflow was read: ${workflow.path ?? 'a command given on the command line'}`,
    details: [
      `digest sha256 ${workflow.digest}`,
      `each turn runs: ${config.executor.command}`,
      `at most ${countWords(limits.max_turns, 'turn')} of ${durationWords(limits.turn_timeout_ms)}`,
      limits.stall_window_ms > 0
        ? `silence is ended after ${durationWords(limits.stall_window_ms)}, at most ${countWords(limits.max_stall_restarts, 'restart')} in a row`
        : 'silence is not watched',
      config.autonomy.stop.length === 0
        ? 'no stop checks: done will be believed'
        : `done is verified by ${countWords(config.autonomy.stop.length, 'stop check')}`,
    ],
  }),
  'workspace.created': ({ data }) => ({
    title: `a workspace was made: ${data.source}`,
    details: [
      `at ${data.path}`,
      `from ${data.source_path}`,
      named('base commit', data.base_commit),
      named('branch', data.branch),
    ],
  }),
  'workspace.failed': ({ data }) => ({ title: 'the workspace could not be made', tone: 'bad', details: [data.error] }),
  'checks.passed': ({ data }) => checksTold(data, false),
  'checks.failed': ({ data }, { stopAsked }) => checksTold(data, stopAsked),
  'hook.finished': ({ data }) => ({
    title: `hook ${data.hook} ${data.ok ? 'succeeded' : data.timed_out ? 'timed out' : 'failed'} after ${durationWords(data.duration_ms)}`,
    tone: data.ok ? 'plain' : 'bad',
    details: [data.error ?? (data.exit_code === null ? null : `exit code ${data.exit_code}`)],
    printed: [printedText('output', data.output)],
  }),
  'turn.started': ({ data }) => ({
    title: `turn ${data.turn_number} began (${data.kind.replaceAll('_', ' ')})`,
    details: [
      `task: ${data.task}`,
      `budget ${durationWords(data.turn_timeout_ms)}`,
      named('tools offered', data.capabilities.tools.map(({ name }) => name).join(', ')),
      named(
        'tools left out',
        data.capabilities.unavailable_tools.map(({ name, reason_code }) => `${name} (${reason_code})`).join(', '),
      ),
    ],
  }),
  'turn.spawned': () => null,
  'turn.progressed': () => null,
  'turn.exited': ({ data }) => ({
    title: `turn ${data.turn_number} ran for ${durationWords(data.duration_ms)} and ${exitOf(data)}`,
    tone: data.response === null ? 'bad' : 'plain',
    details: [
      ...data.issues.map(
        ({ path, message }) => `the response is broken: ${path === '' ? message : `${path}: ${message}`}`,
      ),
      data.response === null ? null : `it claims ${data.response.status}: ${data.response.summary}`,
      named('tools asked for', data.response?.tool_calls.map(({ name }) => name).join(', ')),
    ],
    printed: [printedOutput('standard output', data.stdout), printedOutput('standard error', data.stderr)],
  }),
  'turn.stalled': ({ data }) => ({
    ...cutTold(data),
    title: `turn ${data.turn_number} was silent for longer than ${durationWords(data.stall_window_ms)} and was ended`,
    details: [lastHeard(data), restartOf(data)],
  }),
  'turn.timed_out': ({ data }) => ({
    ...cutTold(data),
    title: `turn ${data.turn_number} used up its budget of ${durationWords(data.turn_timeout_ms)} and was ended`,
    tone: 'bad',
    details: [lastHeard(data)],
  }),
  'turn.interrupted': ({ data }) => ({
    ...cutTold(data),
    title: `turn ${data.turn_number} was interrupted`,
    details: [data.reason, lastHeard(data), restartOf(data)],
  }),
  'turn.stopped': ({ data }) => ({
    ...cutTold(data),
    title: `turn ${data.turn_number} was stopped`,
    details: [data.reason, lastHeard(data)],
  }),
  'tool.finished': ({ data }, { calls }) => ({
    title: `tool ${data.tool_name} ${data.ok ? 'succeeded' : 'failed'} after ${durationWords(data.duration_ms)}`,
    tone: data.ok ? 'plain' : 'warn',
    details: [
      named('input', inputWords(calls[data.call]?.input ?? {})),
      data.error === undefined ? null : `${data.error.code}: ${data.error.message}`,
    ],
    printed: [data.ok ? printedText('result', jsonText(data.output)) : null],
  }),
  'turn.completed': ({ data }) => ({
    title: answeredTold(data),
    tone: data.outcome === 'escalation_blocker' ? 'bad' : 'plain',
    details: [
      data.summary,
      `counted as ${data.outcome.replaceAll('_', ' ')}: ${data.outcome_reason}`,
      named('evidence', data.evidence_refs.slice(0, EVIDENCE_TOLD_MAX).join(', ')),
    ],
  }),
  'stop.requested': ({ data }) => ({ title: `${data.by} asked to stop`, tone: 'warn', details: [data.reason] }),
  'resume.requested': ({ data }) => ({
    title: `${data.by} asked to go on`,
    details: [data.reason, named('guidance', data.guidance)],
  }),
  'approval.granted': ({ data }) => ({
    title: `${data.by} approved post ${data.post_id}`,
    tone: 'good',
    details: [data.reason],
  }),
  'approval.denied': ({ data }) => ({
    title: `${data.by} denied post ${data.post_id}`,
    tone: 'warn',
    details: [data.reason],
  }),
  'session.completed': ({ data }) => ({ ...concludedTold('completed', data), tone: 'good' }),
  'session.failed': ({ data }) => ({ ...concludedTold('failed', data), tone: 'bad' }),
  'session.blocked': ({ data }) => {
    const told = concludedTold('blocked', data)
    const hold = data.hold_until === null ? null : `waits until ${data.hold_until} for somebody to resume it`
    return { ...told, tone: 'bad', details: [...(told.details ?? []), hold] }
  },
  'session.stopped': ({ data }) => ({ ...concludedTold('stopped', data), tone: 'warn' }),
  'session.resumed': ({ data }) => ({ title: 'the session goes on', details: [named('guidance', data.guidance)] }),
  'post.held': ({ data }) => ({
    title: `a post waits for approval: ${data.kind}`,
    details: [data.post_id, data.summary],
  }),
  'workspace.captured': ({ data }) => ({
    title:
      data.files.length === 0
        ? 'the work was captured: nothing changed'
        : `the work was captured: ${countWords(data.files.length, 'file')} changed`,
    details: [
      ...data.files.slice(0, FILES_TOLD_MAX).map(({ path, change }) => `${change}: ${path}`),
      data.files.length > FILES_TOLD_MAX ? `and ${countWords(data.files.length - FILES_TOLD_MAX, 'more file')}` : null,
      data.patch === null ? null : `${data.format} of ${sizeWords(data.patch.bytes)}, sha256 ${data.patch.sha256}`,
    ],
  }),
  'workspace.removed': ({ data }) => ({ title: 'the workspace was removed', details: [data.path, data.reason] }),
  'workspace.archived': ({ data }) => ({
    title: 'the workspace was archived',
    details: [named('to', data.archive_path), data.reason],
  }),
  'workspace.kept': ({ data }) => ({ title: 'the workspace was kept', details: [data.path, data.reason] }),
  'workspace.cleanup_failed': ({ data }) => ({
    title: 'cleanup failed',
    tone: 'bad',
    details: [data.error, data.path],
  }),
  'session.closed': ({ data }) => ({
    title: `closed: ${data.outcome} after ${countWords(data.turns, 'turn')} and ${durationWords(data.duration_ms)}`,
  }),
}

/** The event's part of the story; null when a later event tells it better. */
export function entryOf(event: RecordedEvent, sinceMs: number, before: Before): StoryEntry | null {
  const teller = tellers[event.type] as (event: RecordedEvent, before: Before) => Told | null
  const told = teller(event, before)
  if (told === null) return null
  return {
    position: event.position,
    time: event.time,
    at_ms: sinceMs,
    type: event.type,
    turn: 'turn_number' in event.data ? event.data.turn_number : null,
    tone: told.tone ?? 'plain',
    title: told.title,
    details: (told.details ?? []).filter(
      (line) => line !== null && line !== undefined && line.trim() !== '',
    ) as string[],
    printed: (told.printed ?? []).filter((printed) => printed !== null),
  }
}
