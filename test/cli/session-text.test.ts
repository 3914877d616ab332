import { describe, expect, it } from 'vitest'
import { describeEvent } from '../../src/adapters/cli/event-line.ts'
import { sessionText } from '../../src/adapters/cli/session-text.ts'
import type { CheckResult } from '../../src/events/parts.ts'
import { ENDED_BY_STOP } from '../../src/events/terms.ts'
import type { SessionFact } from '../../src/events/session-events.ts'
import { NO_USABLE_ANSWER } from '../../src/events/turn-outcome.ts'
import { registry } from '../../src/projections/registry.ts'
import { a, checkOf, responseOf } from '../support/facts.ts'
import { at, but, timedTrail, type Timed } from '../support/timed-trail.ts'

const cut = { ...checkOf('npm test', false), output: ENDED_BY_STOP }
const claimed: Timed[] = [
  [0, a.startRequested()],
  [50, a.claimed()],
  [100, a.started({ autonomy: { stop: ['npm test'] } })],
  [200, a.workspaceCreated()],
  [300, a.turnStarted(1)],
  [400, a.exited(1, responseOf('done'))],
  [450, a.completed(1, 'done')],
]

function textOf(timed: readonly Timed[], stopChecks: CheckResult[] | null = null): string[] {
  const record = registry.applyAll(null, timedTrail(timed))
  if (record === null) throw new Error('no record')
  return sessionText(record, { capture: null, stopChecks }, false)
}

describe('a session in words', () => {
  it('is not verified where a stop cut off its checks, and says so', () => {
    const stopped: Timed[] = [...claimed, [500, a.stop()], [600, but(a.checksFailed('stop'), { checks: [cut] })]]
    const text = textOf([...stopped, [700, a.sessionStopped()]], [cut])
    expect(text).toContainEqual(expect.stringMatching(/^verified +no, the checks were ended by the stop$/))
    expect(text.join('\n')).not.toContain('FAILED')
  })

  it('says until when it is held, as long as it is', () => {
    const held: Timed[] = [...claimed, [500, a.sessionBlocked('stop_checks_failed', 60_000)]]
    expect(textOf(held)).toContainEqual(
      expect.stringMatching(`^held until +${at(60_000)}; swarmtrail resume S1 goes on with it$`),
    )
    const heldWords = expect.stringContaining('held until') as string
    expect(textOf([...held, [600, a.resume()], [700, a.resumed()]])).not.toContainEqual(heldWords)
    expect(textOf([...held, [600, a.stop()]])).not.toContainEqual(heldWords)
  })
})

describe('an event in words', () => {
  const wordsOf = (fact: SessionFact) => timedTrail([[0, fact]]).map(describeEvent)

  it('of a tool that failed ends with why', () => {
    const failed = but(a.tool(1, 0, 'run_command', false), { error: { code: 'timed_out', message: 'ends with: ' } })
    expect(wordsOf(but(failed, { duration_ms: 1_100 }))).toEqual(['run_command failed after 1.1 s: ends with:'])
  })

  it('of checks that a stop cut off calls none of them failed', () => {
    expect(wordsOf(but(a.checksFailed('stop'), { checks: [cut] }))).toEqual(['stop: npm test ended by the stop'])
  })

  it('of a blocked session says that it waits only where it is held', () => {
    const blocked = a.sessionBlocked('executor_blocked', 60_000)
    expect(wordsOf(blocked)).toEqual([expect.stringContaining('; waits 1 min for swarmtrail resume')])
    expect(wordsOf(but(blocked, { hold_until: null }))).toEqual([expect.not.stringContaining('waits')])
  })

  it('of a turn without a usable answer does not say that it answered', () => {
    const none = a.completed(1, 'failed', {
      outcome_reason: NO_USABLE_ANSWER,
      summary: 'the response could not be used',
    })
    expect(wordsOf(none)).toEqual(['turn 1 gave no usable answer: the response could not be used'])
  })
})
