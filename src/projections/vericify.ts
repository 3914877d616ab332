/** Posts about a run, held or public, and the snapshot of its sessions and open blockers. */
import type { RecordedEvent } from '../events/envelope.ts'
import { postIdOf } from '../events/ids.ts'
import type { PostKind } from '../events/parts.ts'
import { VIEWS } from './names.ts'
import { defineProjection, type Recorded } from './projection.ts'
import { toolRef, turnRef } from './refs.ts'
import { sessionStatusAfter } from './status.ts'
import {
  changeSession,
  clipSummary,
  DENIED_POSTS_MAX,
  emptyRun,
  HELD_POSTS_MAX,
  OPEN_BLOCKERS_MAX,
  POST_TOOL_REFS_MAX,
  publish,
  vericifySchema,
  withSession,
  type Post,
  type RunSession,
  type VericifyDocument,
} from './vericify-document.ts'

const SINK = 'vericify'
type Run = VericifyDocument

export const vericify = defineProjection(vericifySchema)({
  ...VIEWS.vericify,
  nouns: ['start', 'session', 'turn', 'tool', 'post', 'approval'],
  keysOf: (event) => [event.correlationid],
  opens: { 'start.requested': (run, event) => withSession(run ?? emptyRun(event.correlationid), newSession(event)) },
  on: {
    'session.started': (run, event) => {
      const { emit_to, require_approval_before_emit } = event.data.output
      const policy = { emits: emit_to.includes(SINK), holds: require_approval_before_emit }
      const started = changeSession(run, event.subject, policy)
      return announce(started, event, 'intent', sessionOf(run, event)?.task ?? '')
    },
    'turn.started': (run, { data, subject }) =>
      changeSession(run, subject, {
        turn: { turn_ref: turnRef(subject, data.turn_number), tool_refs: [], evidence_refs: [] },
      }),
    'tool.finished': (run, event) => withTool(run, event),
    'turn.completed': (run, event) => {
      const { status, outcome, summary } = event.data
      const completed = withEvidence(run, event)
      const tells = status === 'continue' && outcome !== 'no_op_success'
      return tells ? announce(completed, event, 'progress', summary) : completed
    },
    'session.completed': (run, event) => {
      const silent = sessionOf(run, event)?.last_turn_outcome === 'no_op_success'
      return silent ? run : announce(run, event, 'completion', event.data.summary)
    },
    'session.blocked': (run, event) => announceBlocker(run, event),
    'session.failed': (run, event) => announceBlocker(run, event),
    'session.resumed': (run, { subject }) => ({
      ...run,
      open_blockers: run.open_blockers.filter(({ session_id }) => session_id !== subject),
    }),
    'post.held': (run, event) => hold(run, event),
    'approval.granted': (run, { data }) => grant(run, data.post_id),
    'approval.denied': (run, { data }) => deny(run, data.post_id),
    'session.closed': (run, { subject }) => changeSession(run, subject, { closed: true, turn: null }),
  },
  // Those say nothing that is posted; the snapshot's status follows the session's and the turn's events.
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
    'turn.stalled',
    'turn.timed_out',
    'turn.interrupted',
    'turn.stopped',
    'stop.requested',
    'resume.requested',
    'session.stopped',
    'workspace.captured',
    'workspace.removed',
    'workspace.archived',
    'workspace.kept',
    'workspace.cleanup_failed',
  ],
  each: (run, event) => {
    const session = sessionOf(run, event)
    const status = session === undefined ? undefined : sessionStatusAfter(session.status, event)
    return status === undefined || status === session?.status
      ? run
      : changeSession(run, event.subject, { status, updated_at: event.time })
  },
})

function newSession({ data, subject, time }: Recorded<'start.requested'>): RunSession {
  return {
    session_id: subject,
    task: clipSummary(data.task),
    status: 'starting',
    updated_at: time,
    closed: false,
    emits: false,
    holds: false,
    last_turn_outcome: null,
    turn: null,
    announced: null,
  }
}

function sessionOf(run: Run, { subject }: RecordedEvent): RunSession | undefined {
  return run.sessions.find(({ session_id }) => session_id === subject)
}

function withTool(run: Run, event: Recorded<'tool.finished'>): Run {
  const turn = sessionOf(run, event)?.turn
  if (!turn) return run
  const { turn_number, call, tool_name } = event.data
  const tool_refs = [...turn.tool_refs, toolRef(event.subject, turn_number, call, tool_name)].slice(-POST_TOOL_REFS_MAX)
  return changeSession(run, event.subject, { turn: { ...turn, tool_refs } })
}

function withEvidence(run: Run, event: Recorded<'turn.completed'>): Run {
  const turn = sessionOf(run, event)?.turn
  const { outcome, evidence_refs } = event.data
  return changeSession(run, event.subject, {
    last_turn_outcome: outcome,
    ...(turn ? { turn: { ...turn, evidence_refs } } : {}),
  })
}

/** A post is named after the event it announces. Where approval is required it stays back until it is held. */
function announce(run: Run, event: RecordedEvent, kind: PostKind, summary: string): Run {
  const session = sessionOf(run, event)
  if (session === undefined || !session.emits) return run
  const post = postOf(session, postIdOf(event.subject, event.id), kind, summary, event.time)
  return session.holds ? changeSession(run, event.subject, { announced: post }) : publish(run, post)
}

function postOf(session: RunSession, post_id: string, kind: PostKind, summary: string, at: string): Post {
  const { session_id } = session
  const turn = kind === 'intent' ? null : session.turn
  return {
    post_id,
    session_id,
    kind,
    summary: clipSummary(summary),
    tool_refs: turn?.tool_refs ?? [],
    turn_refs: turn === null ? [] : [turn.turn_ref],
    evidence_refs: turn?.evidence_refs ?? [],
    at,
    state: 'held',
  }
}

/** That something is blocked is seen at once, also while the post about it waits. */
function announceBlocker(run: Run, event: Recorded<'session.blocked' | 'session.failed'>): Run {
  const session = sessionOf(run, event)
  if (session === undefined || !session.emits) return run
  const { data, subject, time } = event
  const blocker: Run['open_blockers'][number] = {
    post_id: postIdOf(subject, event.id),
    session_id: subject,
    reason_code: data.reason_code,
    summary: clipSummary(data.summary),
    at: time,
    state: session.holds ? 'held' : 'public',
  }
  const open_blockers = [...run.open_blockers, blocker].slice(-OPEN_BLOCKERS_MAX)
  return announce({ ...run, open_blockers }, event, 'blocker', data.summary)
}

function hold(run: Run, event: Recorded<'post.held'>): Run {
  const session = sessionOf(run, event)
  if (session === undefined || !session.emits) return run
  const { post_id, kind, summary } = event.data
  const post =
    session.announced?.post_id === post_id ? session.announced : postOf(session, post_id, kind, summary, event.time)
  const held = [...run.held, post].slice(-HELD_POSTS_MAX)
  return changeSession({ ...run, held }, event.subject, { announced: null })
}

function grant(run: Run, postId: string): Run {
  const post = run.held.find(({ post_id }) => post_id === postId)
  if (post === undefined) return run
  const open_blockers = run.open_blockers.map((blocker) =>
    blocker.post_id === postId ? { ...blocker, state: 'public' as const } : blocker,
  )
  return publish({ ...run, held: run.held.filter((other) => other !== post), open_blockers }, post)
}

function deny(run: Run, postId: string): Run {
  const post = run.held.find(({ post_id }) => post_id === postId)
  if (post === undefined) return run
  return {
    ...run,
    held: run.held.filter((other) => other !== post),
    denied: [...run.denied, { ...post, state: 'denied' as const }].slice(-DENIED_POSTS_MAX),
    open_blockers: run.open_blockers.filter(({ post_id }) => post_id !== postId),
  }
}
