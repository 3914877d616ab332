import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RecordedEvent } from '../../src/events/envelope.ts'
import type { CheckResult } from '../../src/events/parts.ts'
import type { SessionFact } from '../../src/events/session-events.ts'
import { backtest } from '../../src/runtime/backtest/backtest.ts'
import { backtestSession } from '../../src/runtime/backtest/session.ts'
import { a, checkOf, configOf, responseOf, type Front } from '../support/facts.ts'
import { eventsOf, finished, histories } from '../support/histories.ts'
import { at, but, portsWith, timedTrail, type Timed } from '../support/timed-trail.ts'

/** The limits that the recorded sessions of this file ran under. */
const FRONT = {
  executor: { max_turns: 4, turn_timeout_ms: 60_000 },
  liveness: { stall_window_ms: 20_000 },
} satisfies Front

type Changes = { executor?: object; liveness?: object; autonomy?: Front['autonomy']; blocked?: Front['blocked'] }
const like = (changes: Changes = {}): Front => ({
  ...FRONT,
  ...changes,
  executor: { ...FRONT.executor, ...changes.executor },
  liveness: { ...FRONT.liveness, ...changes.liveness },
})

const opened = (front: Front = FRONT): Timed[] => [
  [0, a.startRequested()],
  [0, a.claimed()],
  [0, a.started(front)],
  [0, a.workspaceCreated()],
]
const turnStarted = (turn: number): SessionFact =>
  but(a.turnStarted(turn), { turn_timeout_ms: 60_000, stall_window_ms: 20_000 })
const progress = (turn: number, atMs: number, bytes: number): Timed => [
  atMs + 400,
  but(a.progressed(turn, bytes), { last_activity: at(atMs) }),
]
/** A turn from `from` on that answers after so long, having printed at these moments after its launch. */
function turn(
  number: number,
  from: number,
  durationMs: number,
  status: 'continue' | 'done',
  printedAt: number[] = [],
): Timed[] {
  const bytes = printedAt.length
  return [
    [from, turnStarted(number)],
    [from, a.spawned(number)],
    ...printedAt.map((ms, index) => progress(number, from + ms, index + 1)),
    [
      from + durationMs,
      but(a.exited(number, responseOf(status)), {
        duration_ms: durationMs,
        stdout: { tail: '', bytes, clipped: false, artifact: null },
      }),
    ],
    [from + durationMs, a.completed(number, status)],
  ]
}
function stalledTurn(number: number, from: number, lastMs: number, restart: number, isLast = false): Timed[] {
  const data = { duration_ms: lastMs + 20_000, last_activity: at(from + lastMs), stall_window_ms: 20_000 }
  return [
    [from, turnStarted(number)],
    [from, a.spawned(number)],
    progress(number, from + lastMs, 1),
    [
      from + lastMs + 20_000,
      but(a.stalled(number, { restart, restarts_max: 2, backoff_ms: isLast ? null : 1_000 }), data),
    ],
  ]
}
const ended = (atMs: number, turns: number, outcome = a.sessionCompleted()): Timed[] => [
  [atMs, outcome],
  [atMs, a.captured()],
  [atMs, a.closed('completed', turns)],
]
const judge = (timed: Timed[], changes: Changes = {}) => backtestSession(timedTrail(timed), configOf(like(changes)))

describe('a session under other limits', () => {
  const two = [
    ...opened(),
    ...turn(1, 1_000, 10_000, 'continue', [2_000, 7_000]),
    ...turn(2, 12_000, 5_000, 'done'),
    ...ended(20_000, 2),
  ]

  it('ends the same where no limit decides otherwise', () => {
    expect(judge(two)).toEqual({
      session_id: 'S1',
      recorded: { outcome: 'completed', reason_code: 'done', turns: 2 },
      would: 'same',
      why: 'no limit and no check would have decided otherwise',
      not_judged: [],
    })
    expect(judge(two, { executor: { max_turns: 2, turn_timeout_ms: 10_000 } }).would).toBe('same')
    expect(judge(two, { executor: { max_turns: 99, turn_timeout_ms: 999_000 } }).would).toBe('same')
  })

  it('runs out of turns', () => {
    const spent = { outcome: 'failed', reason_code: 'max_turns_exceeded', at_turn: 1, at_position: 10 }
    expect(judge(two, { executor: { max_turns: 1 } })).toMatchObject({ would: spent, not_judged: [] })
  })

  it('runs out of time, at the moment the budget ends', () => {
    const late = { outcome: 'failed', reason_code: 'turn_timeout', at_turn: 1, at_position: 8 }
    expect(judge(two, { executor: { turn_timeout_ms: 8_000 } })).toMatchObject({ would: late })
  })

  it('is ended by a silence that the recorded window allowed, and then nobody knows', () => {
    const { would, why } = judge(two, { liveness: { stall_window_ms: 3_000 } })
    expect([would, why]).toEqual([
      'unknown',
      expect.stringMatching(/^turn 1 would have been ended after 3 s of silence and would have been restarted/),
    ])
    const none = judge(two, { liveness: { stall_window_ms: 3_000, max_stall_restarts: 0 } })
    expect(none.would).toEqual({
      outcome: 'blocked',
      reason_code: 'stall_restart_exhausted',
      at_turn: 1,
      at_position: 7,
    })
    const last = judge(two, { liveness: { stall_window_ms: 3_000 }, executor: { max_turns: 1 } })
    expect(last.would).toMatchObject({ reason_code: 'max_turns_exceeded', at_turn: 1 })
  })

  it('is not judged where a silence is as long as the window, give or take the second of the record', () => {
    const { would, why } = judge(two, { liveness: { stall_window_ms: 4_500 } })
    expect([would, why]).toEqual([
      'unknown',
      expect.stringContaining("silent for 4 s to 5 s, which can't be held against 4.5 s"),
    ])
    expect(judge(two, { liveness: { stall_window_ms: 5_000 } }).would).toBe('same')
  })

  it('goes on beyond the record where a longer window, budget or more turns would have let it', () => {
    const stalled = [
      ...opened(),
      ...stalledTurn(1, 1_000, 5_000, 1),
      ...turn(2, 30_000, 1_000, 'done'),
      ...ended(40_000, 2),
    ]
    expect(judge(stalled).would).toBe('same')
    expect(judge(stalled, { liveness: { stall_window_ms: 30_000 } })).toMatchObject({
      would: 'unknown',
      why: expect.stringContaining('what it would have done is not in the record'),
    })
    expect(judge(stalled, { liveness: { stall_window_ms: 0 } })).toMatchObject({
      would: 'unknown',
      why: expect.stringContaining('no limit of silence'),
    })
    const late: Timed[] = [
      ...opened(),
      [0, turnStarted(1)],
      [60_000, but(a.timedOut(1), { duration_ms: 60_000, turn_timeout_ms: 60_000, last_activity: at(59_500) })],
      ...ended(60_100, 1, a.sessionFailed('turn_timeout')),
    ]
    expect(judge(late).would).toBe('same')
    expect(judge(late, { executor: { turn_timeout_ms: 90_000 } }).would).toBe('unknown')
    expect(judge(late, { executor: { turn_timeout_ms: 30_000 } })).toMatchObject({
      would: 'same',
      why: 'turn 1 would have used up its budget of 30 s',
    })
    const spent = [
      ...opened(like({ executor: { max_turns: 1 } })),
      ...turn(1, 0, 900, 'continue'),
      ...ended(1_000, 1, a.sessionFailed('max_turns_exceeded')),
    ]
    expect(judge(spent)).toMatchObject({
      would: 'unknown',
      why: expect.stringContaining('what turn 2 would have done'),
    })
  })

  it('follows the record where the same silence would only have been ended earlier', () => {
    const stalled = [
      ...opened(),
      ...stalledTurn(1, 1_000, 5_000, 1),
      ...turn(2, 30_000, 1_000, 'done'),
      ...ended(40_000, 2),
    ]
    const { would, why } = judge(stalled, { liveness: { stall_window_ms: 10_000, initial_backoff_ms: 4_000 } })
    expect([would, why]).toEqual([
      'same',
      'turn 1 would have been ended after 10 s of silence, earlier than recorded; it would have waited 4 s instead of 1 s between turns',
    ])
  })

  it('counts restarts in a row', () => {
    const twice = [
      ...opened(),
      ...stalledTurn(1, 0, 1_000, 1),
      ...stalledTurn(2, 30_000, 1_000, 2),
      ...turn(3, 60_000, 900, 'done'),
      ...ended(70_000, 3),
    ]
    expect(judge(twice, { liveness: { max_stall_restarts: 1 } }).would).toEqual({
      outcome: 'blocked',
      reason_code: 'stall_restart_exhausted',
      at_turn: 2,
      at_position: 12,
    })
    expect(judge(twice, { executor: { max_turns: 2 } }).would).toMatchObject({
      outcome: 'failed',
      reason_code: 'max_turns_exceeded',
      at_turn: 2,
    })
    const exhausted = [
      ...twice.slice(0, 12),
      ...stalledTurn(3, 60_000, 1_000, 3, true),
      ...ended(90_000, 3, a.sessionBlocked('stall_restart_exhausted')),
    ]
    expect(judge(exhausted).would).toBe('same')
    expect(judge(exhausted, { liveness: { max_stall_restarts: 5 } }).would).toBe('unknown')
  })

  it('leaves a session that was stopped before as it was', () => {
    const stopped: Timed[] = [
      ...opened(),
      [0, turnStarted(1)],
      [0, a.spawned(1)],
      [9_000, a.stop()],
      [9_100, but(a.turnStopped(1), { duration_ms: 9_100, last_activity: at(100) })],
      ...ended(9_200, 1, a.sessionStopped()),
    ]
    expect(judge(stopped, { executor: { turn_timeout_ms: 9_050 } }).would).toBe('same')
    expect(judge(stopped, { executor: { turn_timeout_ms: 5_000 } }).would).toMatchObject({
      reason_code: 'turn_timeout',
    })
  })

  it('waits for a resume as long as the other workflow says', () => {
    const held = like({ blocked: { hold_ms: 60_000 } })
    const resumed: Timed[] = [
      ...opened(held),
      [0, turnStarted(1)],
      [900, a.exited(1, responseOf('blocked'))],
      [900, a.completed(1, 'blocked')],
      [1_000, a.sessionBlocked('executor_blocked', 60_000)],
      [31_000, a.resume()],
      [31_000, a.resumed()],
      ...turn(2, 31_000, 900, 'done'),
      ...ended(40_000, 2),
    ]
    expect(judge(resumed, { blocked: { hold_ms: 40_000 } }).would).toBe('same')
    const blocked = { outcome: 'blocked', reason_code: 'executor_blocked', at_turn: 1 }
    expect(judge(resumed, { blocked: { hold_ms: 0 } }).would).toMatchObject({ ...blocked, at_position: 8 })
    expect(judge(resumed, { blocked: { hold_ms: 90_000 }, executor: { max_turns: 1 } }).would).toMatchObject({
      ...blocked,
      at_position: 8,
    })
    expect(judge(resumed, { blocked: { hold_ms: 10_000 } }).would).toMatchObject({ ...blocked, at_position: 8 })
    const ended8: Timed[] = [
      ...resumed.slice(0, 7),
      [1_000, a.sessionBlocked('executor_blocked')],
      [1_100, a.closed('blocked', 1)],
    ]
    expect(judge(ended8, { blocked: { hold_ms: 10_000 } })).toMatchObject({
      would: 'same',
      not_judged: [expect.stringContaining('whether somebody would have resumed it')],
    })
  })

  it('has checks before the run taken as recorded only where they passed', () => {
    const others = { autonomy: { before_run: ['npm run lint'] } }
    const one = [...opened(), ...turn(1, 0, 900, 'done'), ...ended(1_000, 1)]
    expect(judge(one, others).not_judged).toEqual(['the checks before the run differ; taken as passed, as recorded'])
    const refused: Timed[] = [
      ...opened(like({ autonomy: { before_run: ['npm test'] } })),
      [500, but(a.checksFailed('before_run'), { checks: [checkOf('npm test', false)] })],
      ...ended(1_000, 0, a.sessionBlocked('preflight_blocked')),
    ]
    expect(judge(refused, others)).toMatchObject({
      would: 'unknown',
      not_judged: [expect.stringMatching(/^checks before the run failed; /)],
    })
    const stopped: Timed[] = [...opened(), [400, a.stop()], ...ended(500, 0, a.sessionStopped())]
    expect(judge(stopped, others).not_judged).toEqual([
      'the checks before the run differ; the record ends before any were judged',
    ])
  })

  it('is not judged as long as it has not ended, unless it would have ended before', () => {
    const open = [...opened(), ...turn(1, 0, 5_000, 'continue')]
    expect(judge(open)).toMatchObject({
      would: 'unknown',
      why: 'it has not come to its end',
      recorded: { outcome: null },
    })
    expect(judge(open, { executor: { turn_timeout_ms: 4_000 } }).would).toMatchObject({ reason_code: 'turn_timeout' })
  })
})

describe('stop checks held against the record', () => {
  const checked = (stop: Front['autonomy'], results: CheckResult[], after: Timed[]): Timed[] => [
    ...opened(like({ autonomy: stop })),
    ...turn(1, 0, 900, 'done'),
    [1_000, but(results.every(({ ok }) => ok) ? a.checksPassed('stop') : a.checksFailed('stop'), { checks: results })],
    ...after,
  ]
  const plain = [...opened(), ...turn(1, 0, 900, 'done'), ...ended(1_000, 1)]
  const unverified = (stop: NonNullable<Front['autonomy']>['stop'], timed = plain) =>
    judge(timed, { autonomy: { stop } })

  it('judges files by what was captured', () => {
    expect(unverified([{ files_changed: { include: ['*.txt'], min: 1 } }]).would).toBe('same')
    expect(unverified([{ files_changed: { include: ['src/**'], min: 1 } }]).would).toMatchObject({
      outcome: 'blocked',
      reason_code: 'stop_checks_failed',
      at_turn: 1,
    })
    expect(unverified([{ file_exists: 'gate.txt' }]).would).toBe('same')
    expect(unverified([{ file_exists: 'other.txt' }])).toMatchObject({
      would: 'unknown',
      not_judged: [expect.stringContaining('file_exists other.txt')],
    })
    expect(unverified([{ no_uncommitted_changes: true }]).would).toBe('unknown')
  })

  it('judges a command only by the very same command', () => {
    expect(unverified(['npm test'])).toMatchObject({
      would: 'unknown',
      why: expect.stringContaining('not in the record: npm test'),
    })
    const passed = checked({ stop: ['npm test'] }, [checkOf('npm test', true)], ended(2_000, 1))
    expect(unverified(['npm test'], passed).would).toBe('same')
    expect(unverified([{ command: 'npm test', timeout_ms: 1 }], passed).would).toMatchObject({
      reason_code: 'stop_checks_failed',
    })
    expect(unverified(['npm run lint'], passed).would).toBe('unknown')
    expect(unverified(['npm run lint', { files_changed: { max: 0 } }], passed).would).toMatchObject({
      reason_code: 'stop_checks_failed',
    })
  })

  it('completes what a check had doubted, and blocks what was sent back', () => {
    const failed = [checkOf('npm test', false)]
    const blocked = checked({ stop: ['npm test'] }, failed, ended(2_000, 1, a.sessionBlocked('stop_checks_failed')))
    expect(judge(blocked).would).toEqual({ outcome: 'completed', reason_code: 'done', at_turn: 1, at_position: 8 })
    expect(judge(blocked, { autonomy: { stop: ['npm test'], on_stop_failure: 'continue' } }).would).toBe('unknown')
    const sentBack = checked({ stop: ['npm test'], on_stop_failure: 'continue' }, failed, [
      ...turn(2, 3_000, 900, 'done'),
      [4_000, but(a.checksPassed('stop'), { checks: [checkOf('npm test', true)] })],
      ...ended(5_000, 2),
    ])
    expect(judge(sentBack, { autonomy: { stop: ['npm test'], on_stop_failure: 'continue' } }).would).toBe('same')
    expect(judge(sentBack, { autonomy: { stop: ['npm test'] } }).would).toMatchObject({
      outcome: 'blocked',
      at_turn: 1,
    })
    // What was captured at the end says nothing about an earlier claim.
    expect(judge(sentBack, { autonomy: { stop: [{ file_exists: 'gate.txt' }] } }).would).toBe('unknown')
  })
})

describe('laws', () => {
  const recorded = (events: ReturnType<typeof eventsOf>): RecordedEvent[] =>
    events.map((event, index) => ({ ...event, position: index + 1 }))

  it('a workflow judges its own sessions the same', () => {
    fc.assert(
      fc.property(finished, (history) => {
        const config = configOf(history.scenario.front)
        expect(backtestSession(recorded(eventsOf(history)), config)).toMatchObject({ would: 'same', not_judged: [] })
      }),
      { numRuns: 150 },
    )
  })

  it('any workflow can be held against any history, and only ends sessions where the record has been', () => {
    const others = fc.record({
      executor: fc.record({
        max_turns: fc.integer({ min: 1, max: 4 }),
        turn_timeout_ms: fc.constantFrom(1_000, 300_000),
      }),
      liveness: fc.record({
        stall_window_ms: fc.constantFrom(0, 500, 120_000),
        max_stall_restarts: fc.nat({ max: 3 }),
      }),
      autonomy: fc.record({
        stop: fc.constantFrom<string[][]>([], ['a'], ['a', 'b', 'c']),
        on_stop_failure: fc.constantFrom<('block' | 'continue')[]>('block', 'continue'),
      }),
    })
    fc.assert(
      fc.property(
        histories.filter(({ steps }) => steps.length > 0),
        others,
        (history, front) => {
          const events = recorded(eventsOf(history))
          const { would, why, not_judged } = backtestSession(events, configOf(front))
          expect(why).not.toBe('')
          expect(would !== 'unknown' || not_judged.length > 0).toBe(true)
          if (typeof would === 'string') return
          expect(events[would.at_position - 1]).toBeDefined()
          expect(would.at_turn).toBeLessThanOrEqual(events.filter(({ type }) => type === 'turn.started').length)
        },
      ),
      { numRuns: 150 },
    )
  })
})

describe('a log under other limits', () => {
  it('judges each session asked for since then, in order, and sums up', async () => {
    const short = [...opened(), ...turn(1, 0, 900, 'done'), ...ended(1_000, 1)]
    const long = [...opened(), ...turn(1, 0, 900, 'continue'), ...turn(2, 1_000, 900, 'done'), ...ended(3_000, 2)]
    const { log } = await portsWith(timedTrail(short, 'A'), timedTrail(long, 'B'), timedTrail(long.slice(0, 6), 'C'))
    log.plant('A', 'turn', 'garbage')
    const config = configOf(like({ executor: { max_turns: 1 } }))
    const { sessions, summary } = await backtest(log, config)
    expect(sessions.map(({ session_id }) => session_id)).toEqual(['A', 'B', 'C'])
    const changes = [{ from: 'done', to: 'max_turns_exceeded', sessions: 1 }]
    expect(summary).toEqual({ sessions: 3, same: 1, different: 1, unknown: 1, changes, parked: 1 })
    const since = await backtest(log, config, { after: 1 })
    expect(since.sessions.map(({ session_id }) => session_id)).toEqual(['B', 'C'])
  })
})
