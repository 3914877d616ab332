/** Builds events with fixed ids and times, so that expected documents can be written down. */
import { createHash } from 'node:crypto'
import type { RecordedEvent } from '../../src/events/envelope.ts'
import { NO_HASH } from '../../src/events/envelope.ts'
import { sealEvent } from '../../src/events/hash-chain.ts'
import { effectiveLimits } from '../../src/events/limits.ts'
import type { EventData, EventType, SessionFact } from '../../src/events/session-events.ts'
import { runRefOf } from '../../src/events/start-input.ts'
import { toEpochMs, toTimestamp } from '../../src/events/timestamp.ts'
import { workflowConfigSchema, type WorkflowConfig } from '../../src/events/workflow-config.ts'
import { applyEvent, type Projection } from '../../src/projections/projection.ts'

const START = '2026-01-02T03:04:05.000Z'

/** One second per position. */
export function timeAt(position: number): string {
  return toTimestamp(toEpochMs(START) + position * 1000)
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

export function artifact(name: string) {
  return { sha256: sha256(name), bytes: name.length }
}

export function output(tail: string) {
  return { tail, bytes: tail.length, clipped: false, artifact: artifact(tail) }
}

type Front = { [K in keyof WorkflowConfig]?: Partial<WorkflowConfig[K]> }

export function configOf(front: Front = {}): WorkflowConfig {
  return workflowConfigSchema.parse({ ...front, executor: { command: 'agent', ...front.executor } })
}

/** `session.started` as a runner records it for a workflow with this front matter. */
export function startedWith(front: Front = {}): EventData<'session.started'> {
  const config = configOf(front)
  return {
    workflow: { path: '/src/WORKFLOW.md', digest: sha256('workflow') },
    config,
    prompt_template: 'Do {{ task }}',
    limits: effectiveLimits(config, {}),
    output: config.output,
    workspace: { name: 'S1', root: '/root', source_path: '/src' },
  }
}

const cut = { turn_number: 1, duration_ms: 900, last_activity: timeAt(1), stdout: output('o'), stderr: output('e') }
const restart = { restart: 1, restarts_max: 2, backoff_ms: 1000, due_at: timeAt(99) }
const checks = [
  { name: 'lint', kind: 'command' as const, ok: true, exit_code: 0, timed_out: false, output: '', duration_ms: 5 },
]

const sampleData: { [T in EventType]: EventData<T> } = {
  'start.requested': { task: 'Fix it', session_id: 'S1', auto_cleanup: true, context: {}, labels: {} },
  'session.claimed': { runner_id: 'R1', epoch: 1, host: 'h', pid: 7 },
  'session.started': startedWith(),
  'workspace.created': {
    path: '/root/S1',
    root: '/root',
    source: 'worktree',
    source_path: '/src',
    base_commit: 'base',
    branch: 'swarmtrail/S1',
  },
  'workspace.failed': { path: null, error: 'disk full' },
  'checks.passed': { stage: 'before_run', checks },
  'checks.failed': { stage: 'before_run', checks: checks.map((check) => ({ ...check, ok: false, exit_code: 1 })) },
  'hook.finished': {
    hook: 'before_run',
    ok: true,
    exit_code: 0,
    timed_out: false,
    output: '',
    started_at: timeAt(0),
    duration_ms: 3,
  },
  'turn.started': {
    turn_number: 1,
    kind: 'first',
    task: 'Fix it',
    turn_timeout_ms: 300_000,
    stall_window_ms: 120_000,
    prompt: artifact('prompt'),
    request: artifact('request'),
    directory: '/private/S1/1',
    capabilities: { tools: [{ name: 'git_diff', cost_class: 'light' }], unavailable_tools: [] },
    tool_choice: {
      priority_tools: ['git_diff'],
      demoted_tools: [],
      selected_budget: { name: 'read_file_lines', max_lines: 2000 },
    },
    read_file_lines_max_lines: 2000,
  },
  'turn.spawned': { turn_number: 1, pid: 42, pgid: 42, process_started_at: '1' },
  'turn.progressed': { turn_number: 1, last_activity: timeAt(2), stdout_bytes: 1, stderr_bytes: 0 },
  'turn.exited': {
    turn_number: 1,
    exit_code: 0,
    signal: null,
    duration_ms: 1000,
    stdout: output('out'),
    stderr: output('err'),
    response: { status: 'done', summary: 'Fixed', tool_calls: [], evidence_refs: ['log'] },
    response_artifact: artifact('response'),
    issues: [],
  },
  'turn.stalled': { ...cut, ...restart, stall_window_ms: 120_000 },
  'turn.timed_out': { ...cut, turn_timeout_ms: 300_000 },
  'turn.interrupted': { ...cut, ...restart, reason: 'runner lost' },
  'turn.stopped': { ...cut, reason: 'enough' },
  'tool.finished': {
    turn_number: 1,
    call: 0,
    tool_name: 'git_diff',
    input_sha256: sha256('{}'),
    ok: true,
    output: { diff: '' },
    started_at: timeAt(1),
    ended_at: timeAt(2),
    duration_ms: 4,
  },
  'turn.completed': {
    turn_number: 1,
    status: 'done',
    outcome: 'meaningful_completion',
    outcome_reason: 'because',
    summary: 'Fixed',
    evidence_refs: ['log'],
  },
  'stop.requested': { by: 'ann' },
  'resume.requested': { by: 'ann', guidance: 'try again' },
  'approval.granted': { by: 'ann', post_id: 'S1.e' },
  'approval.denied': { by: 'ann', post_id: 'S1.e' },
  'session.completed': { reason_code: 'done', summary: 'Fixed', verified: true },
  'session.failed': { reason_code: 'executor_failed', summary: 'Broken', verified: null },
  'session.blocked': {
    reason_code: 'executor_blocked',
    summary: 'Need a key',
    verified: null,
    hold_ms: 0,
    hold_until: null,
  },
  'session.stopped': { reason_code: 'stop_requested', summary: 'stopped by ann', verified: null },
  'session.resumed': { guidance: 'try again' },
  'post.held': { post_id: 'S1.e', kind: 'intent', summary: 'Fix it' },
  'workspace.captured': {
    format: 'patch',
    base_commit: 'base',
    head_commit: 'head',
    files: [{ path: 'a.txt', change: 'modified' }],
    patch: artifact('patch'),
  },
  'workspace.removed': { path: '/root/S1' },
  'workspace.archived': { path: '/root/S1', archive: artifact('archive'), archive_path: '/archive/S1' },
  'workspace.kept': { path: '/root/S1' },
  'workspace.cleanup_failed': { path: '/root/S1', error: 'busy' },
  'session.closed': { outcome: 'completed', turns: 1, duration_ms: 5000 },
}

/** A fact of a type, with the given fields changed. */
export function fact<T extends EventType>(type: T, change: Partial<EventData<T>> = {}): SessionFact {
  return { type, data: { ...sampleData[type], ...change } } as SessionFact
}

export type Entry = { session: string; fact: SessionFact; id?: string }

/** Puts facts of one or more trails into envelopes, unhashed: position and time count from 1, the id is `e<position>` unless given. */
export function recordAll(entries: readonly Entry[]): RecordedEvent[] {
  const runRefs = new Map<string, string>()
  return entries.map(({ session, fact, id }, index) => {
    const position = index + 1
    const own = fact.type === 'start.requested' ? { ...fact, data: { ...fact.data, session_id: session } } : fact
    if (own.type === 'start.requested') runRefs.set(session, runRefOf(own.data))
    const seal = {
      id: id ?? `e${position}`,
      source: 'test',
      sessionId: session,
      time: timeAt(position),
      correlationId: runRefs.get(session) ?? session,
      causationId: `c${position}`,
      prevHash: NO_HASH,
    }
    return { ...sealEvent(own, seal, () => NO_HASH), position }
  })
}

/** One trail of session S1. */
export function trail(...facts: SessionFact[]): RecordedEvent[] {
  return recordAll(facts.map((fact) => ({ session: 'S1', fact })))
}

/** The document under the one key that these events all have in the projection. */
export function documentOf<Document>(projection: Projection<Document>, events: readonly RecordedEvent[]): Document {
  const keys = new Set(events.flatMap((event) => projection.keysOf(event)))
  if (keys.size !== 1) throw new Error(`expected one key, got ${[...keys].join(', ')}`)
  const own = events.filter((event) => projection.keysOf(event).length > 0)
  const stored = own.reduce<ReturnType<typeof applyEvent<Document>> | null>(
    (before, event) => applyEvent(projection, before, event),
    null,
  )
  if (stored === null || stored.document === null) throw new Error('no document')
  return stored.document
}
