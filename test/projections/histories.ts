/** Generates histories that the session machine accepts: at each step one of the facts that it takes next. */
import fc from 'fast-check'
import {
  __unsafe_getAllOwnEventDescriptors as acceptedTypes,
  getInitialSnapshot,
  transition,
  type SnapshotFrom,
} from 'xstate'
import type { ExecutorResponse } from '../../src/events/parts.ts'
import type { SessionFact } from '../../src/events/session-events.ts'
import type { HookName, WorkflowConfig } from '../../src/events/workflow-config.ts'
import { sessionMachine } from '../../src/machines/session-machine.ts'
import { fact, recordAll, startedWith, timeAt, type Entry } from './support.ts'

type Snapshot = SnapshotFrom<typeof sessionMachine>
type Flags = { hooks: boolean; checks: boolean; approval: boolean; silent: boolean; hold: boolean; emits: boolean }

export const flagsArbitrary: fc.Arbitrary<Flags> = fc.record({
  hooks: fc.boolean(),
  checks: fc.boolean(),
  approval: fc.boolean(),
  silent: fc.boolean(),
  hold: fc.boolean(),
  emits: fc.boolean(),
})

const HOOK_STATES: Record<string, HookName> = {
  settingUp: 'after_create',
  readying: 'before_run',
  windingUp: 'after_run',
  clearing: 'before_remove',
}
const RESPONSES: (ExecutorResponse | null)[] = [
  { status: 'continue', summary: 'Half way', next_task: 'The rest', tool_calls: [], evidence_refs: [] },
  {
    status: 'continue',
    summary: 'Looked',
    tool_calls: [
      { name: 'git_diff', input: {} },
      { name: 'git_status', input: {} },
    ],
    evidence_refs: ['a'],
  },
  { status: 'done', summary: 'Fixed', tool_calls: [], evidence_refs: ['b'] },
  { status: 'blocked', summary: 'Need a key', tool_calls: [], evidence_refs: [] },
  { status: 'failed', summary: 'Broken', tool_calls: [], evidence_refs: [] },
  null,
]

const CHECKS: Partial<WorkflowConfig['autonomy']> = {
  before_run: [{ command: 'x', timeout_ms: 1 }],
  stop: [{ command: 'y', timeout_ms: 1 }],
}

function started(flags: Flags): SessionFact {
  const { hooks, checks, approval, silent, hold, emits } = flags
  return fact(
    'session.started',
    startedWith({
      hooks: hooks ? { after_create: 'a', before_run: 'b', after_run: 'c', before_remove: 'd' } : {},
      autonomy: checks ? CHECKS : {},
      output: {
        emit_to: emits ? ['tui', 'vericify'] : ['tui'],
        require_approval_before_emit: approval,
        silent_unless_blocked: silent,
      },
      ...(hold ? { blocked: { hold_ms: 60_000 } } : {}),
    }),
  )
}

/** What may come next, whether or not the machine takes it. */
function candidates(snapshot: Snapshot, ref: string, flags: Flags, opening: SessionFact): SessionFact[] {
  const { context, value } = snapshot
  const inner = typeof value === 'string' ? value : String(Object.values(value)[0])
  const stage = inner === 'checking' ? 'before_run' : 'stop'
  const hook = HOOK_STATES[inner] ?? 'before_run'
  const number = { turn_number: context.turnsStarted }
  const restart = context.consecutiveRestarts + 1
  const spent = restart > 2 || context.turnsStarted >= 6
  const again = { ...number, restart, restarts_max: 2, due_at: spent ? null : timeAt(500) }
  const response = context.turn?.response ?? null
  const silent = flags.silent && response?.tool_calls.length === 0
  const verdict = context.verdict
  return [
    fact('start.requested', { tracker_item_id: ref }),
    fact('session.claimed', { epoch: (context.claim?.epoch ?? 0) + 1 }),
    opening,
    fact('workspace.created'),
    fact('workspace.failed'),
    fact('checks.passed', { stage }),
    fact('checks.failed', { stage }),
    fact('hook.finished', { hook }),
    fact('hook.finished', { hook, ok: false, exit_code: 1 }),
    fact('turn.started', { turn_number: context.turnsStarted + 1, kind: context.nextKind, task: context.task }),
    fact('turn.spawned', number),
    fact('turn.progressed', number),
    ...RESPONSES.map((response) => fact('turn.exited', { ...number, response })),
    fact('turn.stalled', again),
    fact('turn.interrupted', again),
    fact('turn.timed_out', number),
    ...(context.stop === null ? [] : [fact('turn.stopped', number)]),
    fact('tool.finished', { ...number, call: context.turn?.tool_results.length ?? 0 }),
    fact('turn.completed', {
      ...number,
      status: response?.status ?? 'failed',
      summary: response?.summary ?? 'unusable',
      outcome: silent ? 'no_op_success' : 'meaningful_completion',
    }),
    fact('stop.requested'),
    fact('resume.requested'),
    fact('session.resumed'),
    ...context.heldPosts.flatMap((post_id) => [
      fact('approval.granted', { post_id }),
      fact('approval.denied', { post_id }),
    ]),
    ...(context.post === null ? [] : [fact('post.held', context.post)]),
    ...(verdict === null ? [fact('session.failed', { reason_code: 'runner_error' })] : concluding(verdict, flags)),
    fact('workspace.captured'),
    fact('workspace.removed'),
    fact('workspace.archived'),
    fact('workspace.kept'),
    fact('workspace.cleanup_failed'),
    fact('session.closed', { outcome: context.outcome ?? 'failed', turns: context.turnsStarted }),
  ]
}

function concluding({ outcome, ...data }: NonNullable<Snapshot['context']['verdict']>, flags: Flags): SessionFact[] {
  if (outcome !== 'blocked') return [fact(`session.${outcome}`, data)]
  return [fact('session.blocked', { ...data, hold_until: flags.hold ? timeAt(900) : null })]
}

/** A history of one session: each choice is the order in which the facts are offered to the machine. */
function walk(session: string, ref: string, flags: Flags, choices: readonly number[]): Entry[] {
  let snapshot = getInitialSnapshot(sessionMachine)
  const entries: Entry[] = []
  const opening = started(flags)
  for (const choice of choices) {
    const all = candidates(snapshot, ref, flags, opening).filter((fact) => choice % rarity(snapshot, fact) === 0)
    for (const fact of shuffled(all, choice)) {
      const entry = { session, fact, id: `e${entries.length}` }
      const next = stepped(snapshot, entry)
      if (next === snapshot) continue
      entries.push(entry)
      snapshot = next
      break
    }
  }
  return entries
}

/** Trouble is offered less often than what moves a session on, so that histories get somewhere. One time in so many: */
function rarity({ context }: Snapshot, { type, data }: SessionFact): number {
  switch (type) {
    case 'turn.exited':
      return data.response?.status === 'done' || data.response?.status === 'continue' ? 1 : 2
    case 'hook.finished':
      return data.ok ? 1 : 6
    case 'session.failed':
      return context.verdict === null ? 20 : 1
    case 'session.claimed':
      return context.claim === null ? 1 : 12
    case 'stop.requested':
      return context.turn === null ? 12 : 4
    default:
      return RARITY[type] ?? 1
  }
}
const RARITY: Partial<Record<string, number>> = {
  'workspace.failed': 6,
  'checks.failed': 2,
  'workspace.cleanup_failed': 3,
  'turn.timed_out': 2,
}

function shuffled<T>(items: readonly T[], seed: number): T[] {
  const rank = (index: number) => {
    const mixed = Math.imul((seed + 1) ^ Math.imul(index + 1, 0x9e3779b1), 0x85ebca6b)
    return Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35) >>> 0
  }
  return items
    .map((item, index) => ({ item, rank: rank(index) }))
    .toSorted((a, b) => a.rank - b.rank)
    .map(({ item }) => item)
}

/** The same snapshot when the machine doesn't take the fact; most are ruled out by their type, which is much faster. */
function stepped(snapshot: Snapshot, entry: Entry): Snapshot {
  if (!acceptedTypes(snapshot).includes(entry.fact.type)) return snapshot
  const [event] = recordAll([entry])
  return event === undefined ? snapshot : transition(sessionMachine, snapshot, event)[0]
}

export const choicesArbitrary = fc.array(fc.noBias(fc.nat({ max: 1_000_000 })), {
  minLength: 3,
  maxLength: 45,
  size: 'max',
})

/** One session's history. */
export const historyArbitrary = fc
  .tuple(flagsArbitrary, choicesArbitrary)
  .map(([flags, choices]) => recordAll(walk('S1', 'T-1', flags, choices)))

/** Two sessions of one run, their events interleaved. */
export const runArbitrary = fc
  .tuple(flagsArbitrary, choicesArbitrary, choicesArbitrary, fc.array(fc.boolean(), { maxLength: 90 }))
  .map(([flags, one, two, order]) => {
    const queues = [walk('S1', 'T-1', flags, one), walk('S2', 'T-1', flags, two)] as const
    const merged = order.flatMap((first) => queues[first ? 0 : 1].splice(0, 1))
    return recordAll([...merged, ...queues[0], ...queues[1]])
  })
