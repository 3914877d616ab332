import { describe, expect, it } from 'vitest'
import type { SessionFact } from '../../src/events/session-events.ts'
import { contextOf, mustAbort, phaseOf, type Phase } from '../../src/machines/decider.ts'
import { answersOf } from '../support/answers.ts'
import { a, calls, responseOf, toAnswered, toPreparing, toRunning, toSettled, type Front } from '../support/facts.ts'
import { given, type Story } from '../support/given.ts'

const STOP = { type: 'STOP', by: 'ann', reason: 'enough' } as const
const front: Front = { hooks: { after_create: 'x', before_run: 'x' }, autonomy: { before_run: ['a'] } }
const held: Front = { output: { require_approval_before_emit: true } }
const hold: Front = { blocked: { hold_ms: 60_000 } }
const opening = [a.startRequested(), a.claimed()]
const settingUp = [...opening, a.started(front), a.workspaceCreated()]
const checking = [...settingUp, a.hook('after_create')]
const readying = [...checking, a.checksPassed('before_run')]
const toolAsked = toAnswered(responseOf('continue', { tool_calls: calls('git_diff') }))
const posting = [
  ...[...opening, a.started(held), a.postHeld('S1.e3', 'intent'), a.workspaceCreated(), a.turnStarted()],
  ...[a.exited(1, responseOf('continue')), a.completed(1, 'continue')],
]
const blocked = [...toSettled('blocked', hold), a.sessionBlocked('executor_blocked', 60_000)]

/** Where a stop finds work in flight, and whether that work is ended at once or is too short for that. */
const inFlight: [name: string, facts: SessionFact[], aborted: boolean][] = [
  ['preflight.opening', opening, false],
  ['preflight.posting', [...opening, a.started(held)], false],
  ['preflight.creating', [...opening, a.started(front)], false],
  ['preflight.settingUp', settingUp, true],
  ['preflight.checking', checking, true],
  ['preflight.readying', readying, true],
  ['executing.running', toRunning(), true],
  ['executing.tooling', toolAsked, true],
  ['executing.deciding', toAnswered(responseOf('done')), false],
  ['executing.posting', posting, false],
  ['executing.verifying', toSettled('done', { autonomy: { stop: ['b'] } }), true],
]
/** Faults of the runner end a session failed, also while it is being stopped. */
const FAULTS = /^(EFFECT_FAILED|SESSION_UNOPENABLE)$/

function stopped(facts: readonly SessionFact[], name: string): Story {
  return given(facts)
    .thenPhase(name.split('.')[0] as Phase, name)
    .when(STOP)
    .thenEmits('stop.requested', { by: 'ann', reason: 'enough' })
}

/** Answers what is pending until the outcome is there. */
function concluded(story: Story): Story {
  const [intent] = story.state.pending
  if (contextOf(story.state).outcome !== null || intent === undefined) return story
  const [answer] = answersOf(intent, story.state, {})
  return answer === undefined ? story : concluded(story.when({ ...answer, cause: intent.id }).thenGoesOn())
}

describe('a stop with work in flight', () => {
  it.each(inFlight)('in %s ends the session stopped, whatever that work still reports', (name, facts, aborted) => {
    const story = stopped(facts, name).thenPhase(name.split('.')[0] as Phase, name)
    const [intent] = story.state.pending
    if (intent === undefined) throw new Error('nothing is in flight')
    expect(mustAbort(story.state, intent)).toBe(aborted)
    for (const answer of answersOf(intent, story.state, {}).filter(({ type }) => !FAULTS.test(type))) {
      const end = concluded(story.when({ ...answer, cause: intent.id }).thenGoesOn())
      expect(contextOf(end.state)).toMatchObject({ outcome: 'stopped', reasonCode: 'stop_requested' })
      expect(phaseOf(end.state)).toBe('cleanup')
      expect(contextOf(end.state).turnsStarted).toBe(contextOf(story.state).turnsStarted)
    }
  })

  it.each([
    ['executing.running', toRunning()],
    ['executing.tooling', toolAsked],
    ['executing.deciding', toAnswered(responseOf('done'))],
  ])('in %s records the turn as stopped', (name, facts) => {
    const types = concluded(stopped(facts, name)).events.map(({ type }) => type)
    expect(types).toContain('turn.stopped')
    expect(types).not.toContain('turn.completed')
  })

  it('is asked for once', () => {
    given(toRunning(), a.stop()).when(STOP).thenRefused().thenUnhandled(a.stop())
  })
})

describe('a stop with nothing in flight', () => {
  it('before any runner has the session waits for one to conclude it', () => {
    stopped([a.startRequested()], 'queued')
      .thenPhase('cleanup', 'cleanup.unclaimed')
      .thenPending([])
      .when({ type: 'CLAIM', runner_id: 'r1', epoch: 1, host: 'h', pid: 42 })
      .thenEmits('session.claimed')
      .when({ type: 'CONCLUDE' })
      .thenEmits('session.stopped', { summary: 'stopped by ann: enough' })
      .thenPhase('cleanup', 'cleanup.closing')
      .when({ type: 'CLOSE' })
      .thenEmits('session.closed', { outcome: 'stopped', turns: 0 })
  })

  it.each([
    ['executing.preparing', toPreparing(), 'executing.concluding'],
    ['stalled.waiting', [...toRunning(), a.stalled()], 'stalled.concluding'],
  ])('in %s concludes at once', (name, facts, next) => {
    stopped(facts, name)
      .thenPhase(name.split('.')[0] as Phase, next)
      .when({ type: 'CONCLUDE' })
      .thenEmits('session.stopped', { reason_code: 'stop_requested' })
      .thenPhase('cleanup', 'cleanup.capturing')
  })

  it('of a held session ends the hold; its outcome stays blocked', () => {
    stopped(blocked, 'blocked.holding').thenPhase('cleanup', 'cleanup.capturing').thenContext({ outcome: 'blocked' })
  })

  it('of a session that is being resumed ends it stopped', () => {
    stopped([...blocked, a.resume()], 'blocked.resuming')
      .when({ type: 'RESUME_SESSION' })
      .thenEmits('session.resumed')
      .thenPhase('executing', 'executing.concluding')
      .when({ type: 'CONCLUDE' })
      .thenEmits('session.stopped')
  })

  it('does not overrule an end that was decided before, but forgoes the hold', () => {
    stopped(toSettled('done'), 'executing.concluding').when({ type: 'CONCLUDE' }).thenEmits('session.completed')
    stopped(toSettled('blocked', hold), 'executing.concluding')
      .when({ type: 'CONCLUDE' })
      .thenEmits('session.blocked', { reason_code: 'executor_blocked' })
      .thenPhase('cleanup', 'cleanup.capturing')
  })

  it('comes too late in cleanup and after it', () => {
    const failed = [...toRunning(), a.timedOut(), a.sessionFailed('turn_timeout')]
    given(failed).thenPhase('cleanup', 'cleanup.capturing').when(STOP).thenRefused()
    given(failed, a.captured(), a.removed(), a.closed('failed')).thenPhase('closed').when(STOP).thenRefused()
  })
})
