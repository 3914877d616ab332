/**
 * The session's phase from its events alone: what the machine's top state is after the same events, without running
 * the machine. A test walks both side by side.
 */
import { z } from 'zod'
import type { EventOf, SwarmEvent } from '../events/envelope.ts'

export const PHASES = ['queued', 'preflight', 'executing', 'stalled', 'blocked', 'cleanup', 'closed'] as const
export type Phase = (typeof PHASES)[number]

/** What preflight does, in this order, as far as the workflow asks for it. */
export const PREFLIGHT_STEPS = ['workspace', 'after_create', 'checks', 'before_run'] as const
type PreflightStep = (typeof PREFLIGHT_STEPS)[number]

export const lifecycleSchema = z.object({
  phase: z.enum(PHASES),
  preflight_steps: z.array(z.enum(PREFLIGHT_STEPS)).describe('the configured steps; executing begins after the last'),
  posts_wait: z.boolean().describe('posts must be recorded as held before the session moves on'),
  stop_requested: z.boolean(),
  blocked: z.enum(['posting', 'holding', 'resuming']).nullable().describe('where inside the phase blocked'),
  hold_until: z.string().nullable(),
  resumes_to: z.enum(['preflight', 'executing']),
})
/** The phase and what it takes to know the next one. */
export type Lifecycle = z.output<typeof lifecycleSchema>

const QUEUED: Lifecycle = {
  phase: 'queued',
  preflight_steps: ['workspace'],
  posts_wait: false,
  stop_requested: false,
  blocked: null,
  hold_until: null,
  resumes_to: 'executing',
}

/** The lifecycle after an event; null until `start.requested`. The same object when nothing changed. */
export function phaseAfter(lifecycle: Lifecycle | null, event: SwarmEvent): Lifecycle | null {
  if (lifecycle === null) return event.type === 'start.requested' ? QUEUED : null
  switch (event.type) {
    case 'session.claimed':
      return lifecycle.phase === 'queued' ? changed(lifecycle, { phase: 'preflight' }) : lifecycle
    case 'session.started':
      return changed(lifecycle, configured(event))
    case 'workspace.created':
    case 'hook.finished':
    case 'checks.passed':
      return afterStep(lifecycle, event)
    case 'turn.started':
      return changed(lifecycle, { phase: 'executing' })
    case 'turn.stalled':
    case 'turn.interrupted':
      return changed(lifecycle, { phase: 'stalled' })
    case 'session.blocked':
      return blocked(lifecycle, event)
    case 'post.held':
      return lifecycle.blocked === 'posting' ? holding(lifecycle) : lifecycle
    case 'stop.requested':
      return stopping(lifecycle)
    case 'resume.requested':
      return lifecycle.phase === 'blocked' ? changed(lifecycle, { blocked: 'resuming' }) : lifecycle
    case 'session.resumed':
      return changed(lifecycle, { phase: lifecycle.resumes_to, blocked: null, hold_until: null })
    case 'session.completed':
    case 'session.failed':
    case 'session.stopped':
      return changed(lifecycle, { phase: 'cleanup', blocked: null })
    case 'session.closed':
      return changed(lifecycle, { phase: 'closed' })
    default:
      return lifecycle
  }
}

/** Copied field by field: V8 gives spread objects hidden classes of their own, and what reads them gets slow. */
function changed(from: Lifecycle, change: Partial<Lifecycle>): Lifecycle {
  const copy: Lifecycle = {
    phase: from.phase,
    preflight_steps: from.preflight_steps,
    posts_wait: from.posts_wait,
    stop_requested: from.stop_requested,
    blocked: from.blocked,
    hold_until: from.hold_until,
    resumes_to: from.resumes_to,
  }
  return Object.assign(copy, change)
}

function configured({ data }: EventOf<'session.started'>): Pick<Lifecycle, 'preflight_steps' | 'posts_wait'> {
  const { hooks, autonomy } = data.config
  const asked: Record<PreflightStep, boolean> = {
    workspace: true,
    after_create: hooks.after_create !== undefined,
    checks: autonomy.before_run.length > 0,
    before_run: hooks.before_run !== undefined,
  }
  return {
    preflight_steps: PREFLIGHT_STEPS.filter((step) => asked[step]),
    posts_wait: data.output.require_approval_before_emit && data.output.emit_to.length > 0,
  }
}

/** The last configured step's success ends preflight, unless a stop is to be honoured first. */
function afterStep(
  lifecycle: Lifecycle,
  event: EventOf<'workspace.created' | 'hook.finished' | 'checks.passed'>,
): Lifecycle {
  const isLast = stepOf(event) === lifecycle.preflight_steps.at(-1)
  const moves = lifecycle.phase === 'preflight' && isLast && !lifecycle.stop_requested
  return moves ? changed(lifecycle, { phase: 'executing' }) : lifecycle
}

function stepOf(event: EventOf<'workspace.created' | 'hook.finished' | 'checks.passed'>): PreflightStep | null {
  if (event.type === 'workspace.created') return 'workspace'
  if (event.type === 'checks.passed') return event.data.stage === 'before_run' ? 'checks' : null
  const { hook, ok } = event.data
  return ok && (hook === 'after_create' || hook === 'before_run') ? hook : null
}

function blocked(lifecycle: Lifecycle, { data }: EventOf<'session.blocked'>): Lifecycle {
  const next = changed(lifecycle, {
    phase: 'blocked',
    hold_until: data.hold_until,
    resumes_to: data.reason_code === 'preflight_blocked' ? 'preflight' : 'executing',
  })
  return lifecycle.posts_wait ? changed(next, { blocked: 'posting' }) : holding(next)
}

/** A blocked session waits for a resume, if it may wait at all. */
function holding(lifecycle: Lifecycle): Lifecycle {
  const waits = lifecycle.hold_until !== null && !lifecycle.stop_requested
  return waits ? changed(lifecycle, { blocked: 'holding' }) : changed(lifecycle, { phase: 'cleanup', blocked: null })
}

/** Only a session that nobody works on is cleaned up at once; the others record an outcome first. */
function stopping(lifecycle: Lifecycle): Lifecycle {
  const idle = lifecycle.phase === 'queued' || lifecycle.blocked === 'holding'
  return idle
    ? changed(lifecycle, { phase: 'cleanup', blocked: null, stop_requested: true })
    : changed(lifecycle, { stop_requested: true })
}
