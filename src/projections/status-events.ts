/** The session's story under the event names that ACE's tools know, oldest first. The session's turns bound them. */
import { z } from 'zod'
import { VIEWS } from './names.ts'
import { bySession, defineProjection, type Recorded } from './projection.ts'

export const STATUS_EVENT_NAMES = [
  'RUNTIME_EXECUTOR_SESSION_STARTED',
  'RUNTIME_EXECUTOR_TURN_STARTED',
  'RUNTIME_EXECUTOR_TURN_COMPLETED',
  'RUNTIME_EXECUTOR_TURN_FAILED',
  'RUNTIME_EXECUTOR_SESSION_BLOCKED',
  'RUNTIME_EXECUTOR_SESSION_FAILED',
  'RUNTIME_EXECUTOR_SESSION_STOPPED',
  'RUNTIME_EXECUTOR_SESSION_COMPLETED',
] as const

const statusEventSchema = z.object({
  event: z.enum(STATUS_EVENT_NAMES),
  status: z.enum(['started', 'in_progress', 'done', 'blocked', 'fail']),
  summary: z.string(),
  payload: z.record(z.string(), z.unknown()),
  at: z.string().describe('RFC 3339 UTC with milliseconds'),
})
type StatusEvent = z.output<typeof statusEventSchema>

export const statusEventsSchema = z.object({
  session_id: z.string(),
  task: z.string(),
  events: z.array(statusEventSchema),
})
export type StatusEventsDocument = z.output<typeof statusEventsSchema>
type Document = StatusEventsDocument

export const statusEvents = defineProjection(statusEventsSchema)({
  ...VIEWS['status-events'],
  nouns: ['start', 'session', 'turn'],
  keysOf: bySession,
  opens: {
    'start.requested': (document, { data, subject }) =>
      document ?? { session_id: subject, task: data.task, events: [] },
  },
  on: {
    'session.started': (document, { data, time }) =>
      told(document, {
        event: 'RUNTIME_EXECUTOR_SESSION_STARTED',
        status: 'started',
        summary: document.task,
        payload: { runtime_profile_path: data.workflow.path, max_turns: data.limits.max_turns },
        at: time,
      }),
    'turn.started': (document, { data, time }) =>
      told(document, {
        event: 'RUNTIME_EXECUTOR_TURN_STARTED',
        status: 'in_progress',
        summary: data.task,
        payload: { turn_number: data.turn_number, kind: data.kind },
        at: time,
      }),
    'turn.completed': completed,
    'turn.stalled': (document, event) => {
      const { stall_window_ms, due_at } = event.data
      return failed(document, event, `the turn was silent for longer than ${stall_window_ms} ms`, due_at !== null)
    },
    'turn.interrupted': (document, event) => failed(document, event, event.data.reason, event.data.due_at !== null),
    'turn.timed_out': (document, event) =>
      failed(document, event, `the turn was not done within ${event.data.turn_timeout_ms} ms`, false),
    'turn.stopped': (document, event) => failed(document, event, event.data.reason, false),
    'session.completed': (document, event) => concluded(document, event, 'RUNTIME_EXECUTOR_SESSION_COMPLETED', 'done'),
    'session.blocked': (document, event) => concluded(document, event, 'RUNTIME_EXECUTOR_SESSION_BLOCKED', 'blocked'),
    'session.failed': (document, event) => concluded(document, event, 'RUNTIME_EXECUTOR_SESSION_FAILED', 'fail'),
    // ACE has no status of its own for a stop; to those who wait for the work it did not get done.
    'session.stopped': (document, event) => concluded(document, event, 'RUNTIME_EXECUTOR_SESSION_STOPPED', 'fail'),
  },
  // Those have no name in ACE.
  ignores: [
    'session.claimed',
    'workspace.created',
    'workspace.failed',
    'checks.passed',
    'checks.failed',
    'hook.finished',
    'turn.spawned',
    'turn.progressed',
    'turn.exited',
    'tool.finished',
    'stop.requested',
    'resume.requested',
    'approval.granted',
    'approval.denied',
    'session.resumed',
    'post.held',
    'workspace.captured',
    'workspace.removed',
    'workspace.archived',
    'workspace.kept',
    'workspace.cleanup_failed',
    'session.closed',
  ],
})

function told(document: Document, event: StatusEvent): Document {
  const { session_id, task, events } = document
  return { session_id, task, events: events.concat(event) }
}

const TURN_STATUS = { continue: 'in_progress', done: 'done', blocked: 'blocked', failed: 'fail' } as const

function completed(document: Document, { data, time }: Recorded<'turn.completed'>): Document {
  const { turn_number, outcome, outcome_reason, evidence_refs } = data
  return told(document, {
    event: data.status === 'failed' ? 'RUNTIME_EXECUTOR_TURN_FAILED' : 'RUNTIME_EXECUTOR_TURN_COMPLETED',
    status: TURN_STATUS[data.status],
    summary: data.summary,
    payload: { turn_number, turn_outcome: outcome, outcome_reason, evidence_refs },
    at: time,
  })
}

/** A turn without an answer; the session goes on where another turn follows. */
function failed(
  document: Document,
  { type, data, time }: Recorded<'turn.stalled' | 'turn.timed_out' | 'turn.interrupted' | 'turn.stopped'>,
  summary: string,
  goesOn: boolean,
): Document {
  return told(document, {
    event: 'RUNTIME_EXECUTOR_TURN_FAILED',
    status: goesOn ? 'in_progress' : 'fail',
    summary,
    payload: { turn_number: data.turn_number, cause: type },
    at: time,
  })
}

function concluded(
  document: Document,
  { data, time }: Recorded<'session.completed' | 'session.blocked' | 'session.failed' | 'session.stopped'>,
  event: StatusEvent['event'],
  status: StatusEvent['status'],
): Document {
  const payload = { reason_code: data.reason_code, verified: data.verified ?? null }
  return told(document, { event, status, summary: data.summary, payload, at: time })
}
