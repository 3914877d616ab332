/** What is posted about a run: all sessions of one tracker item or objective, for those who follow the work, not the runs. */
import { z } from 'zod'
import { POST_KINDS, REASON_CODES, TURN_OUTCOMES } from '../events/parts.ts'
import { clip } from './clip.ts'
import { SESSION_STATUSES } from './status.ts'

/** A run may have very many sessions, so its document keeps the latest of everything; the log keeps all. */
export const PUBLIC_POSTS_MAX = 200
export const HELD_POSTS_MAX = 200
export const DENIED_POSTS_MAX = 50
export const OPEN_BLOCKERS_MAX = 200
/** Sessions of a run; over it the oldest closed ones are left out, never one that is not closed. */
export const RUN_SESSIONS_MAX = 500
export const POST_SUMMARY_CHARS_MAX = 2_000
export const POST_TOOL_REFS_MAX = 100

const timestamp = z.string().describe('RFC 3339 UTC with milliseconds')

export const postSchema = z.object({
  post_id: z.string(),
  session_id: z.string(),
  kind: z.enum(POST_KINDS),
  summary: z.string(),
  tool_refs: z.array(z.string()),
  turn_refs: z.array(z.string()),
  evidence_refs: z.array(z.string()),
  at: timestamp,
  state: z.enum(['public', 'held', 'denied']),
})
export type Post = z.output<typeof postSchema>

const openBlockerSchema = z.object({
  post_id: z.string(),
  session_id: z.string(),
  reason_code: z.enum(REASON_CODES),
  summary: z.string(),
  at: timestamp,
  state: z.enum(['public', 'held']),
})

const runSessionSchema = z.object({
  session_id: z.string(),
  task: z.string(),
  status: z.enum(SESSION_STATUSES),
  updated_at: timestamp,
  closed: z.boolean(),
  emits: z.boolean().describe('vericify is one of its sinks'),
  holds: z.boolean().describe('its posts wait for approval'),
  last_turn_outcome: z.enum(TURN_OUTCOMES).nullable(),
  turn: z
    .object({ turn_ref: z.string(), tool_refs: z.array(z.string()), evidence_refs: z.array(z.string()) })
    .nullable()
    .describe('the latest turn, which the next post refers to'),
  announced: postSchema.nullable().describe('waits for being recorded as held'),
})
export type RunSession = z.output<typeof runSessionSchema>

export const vericifySchema = z.object({
  run_ref: z.string().describe('tracker item, else objective, else session'),
  sessions: z.array(runSessionSchema),
  posts: z.array(postSchema).describe('public ones, oldest first'),
  posts_total: z.int().min(0).describe('public ones ever'),
  held: z.array(postSchema),
  denied: z.array(postSchema),
  open_blockers: z
    .array(openBlockerSchema)
    .describe('held ones too; a denied one is left out, a resumed session has none'),
  last_post: postSchema.nullable().describe('the latest public one'),
})
export type VericifyDocument = z.output<typeof vericifySchema>

export function emptyRun(runRef: string): VericifyDocument {
  return {
    run_ref: runRef,
    sessions: [],
    posts: [],
    posts_total: 0,
    held: [],
    denied: [],
    open_blockers: [],
    last_post: null,
  }
}

export function withSession(run: VericifyDocument, session: RunSession): VericifyDocument {
  if (run.sessions.some((known) => known.session_id === session.session_id)) return run
  const spare = run.sessions.length < RUN_SESSIONS_MAX ? undefined : run.sessions.find(({ closed }) => closed)
  return { ...run, sessions: [...run.sessions.filter((known) => known !== spare), session] }
}

export function changeSession(run: VericifyDocument, id: string, change: Partial<RunSession>): VericifyDocument {
  const index = run.sessions.findIndex((session) => session.session_id === id)
  const session = run.sessions[index]
  if (session === undefined) return run
  const { run_ref, posts, posts_total, held, denied, open_blockers, last_post } = run
  const sessions = run.sessions.with(index, changedSession(session, change))
  return { run_ref, sessions, posts, posts_total, held, denied, open_blockers, last_post }
}

/** Field by field, as V8 gives spread objects hidden classes of their own, and what reads them gets slow. */
function changedSession(from: RunSession, change: Partial<RunSession>): RunSession {
  const copy: RunSession = {
    session_id: from.session_id,
    task: from.task,
    status: from.status,
    updated_at: from.updated_at,
    closed: from.closed,
    emits: from.emits,
    holds: from.holds,
    last_turn_outcome: from.last_turn_outcome,
    turn: from.turn,
    announced: from.announced,
  }
  return Object.assign(copy, change)
}

export function publish(run: VericifyDocument, post: Post): VericifyDocument {
  const shown: Post = { ...post, state: 'public' }
  return {
    ...run,
    posts: [...run.posts, shown].slice(-PUBLIC_POSTS_MAX),
    posts_total: run.posts_total + 1,
    last_post: shown,
  }
}

export function clipSummary(summary: string): string {
  return clip(summary, POST_SUMMARY_CHARS_MAX)
}
