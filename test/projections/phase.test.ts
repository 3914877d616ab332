import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { getInitialSnapshot, transition } from 'xstate'
import type { RecordedEvent } from '../../src/events/envelope.ts'
import { sessionMachine } from '../../src/machines/session-machine.ts'
import { phaseAfter, PHASES, type Lifecycle } from '../../src/projections/phase.ts'
import { historyArbitrary } from './histories.ts'
import { fact, startedWith, timeAt, trail } from './support.ts'

function phasesByMachine(events: readonly RecordedEvent[]): string[] {
  let snapshot = getInitialSnapshot(sessionMachine)
  return events.map((event) => {
    ;[snapshot] = transition(sessionMachine, snapshot, event)
    return typeof snapshot.value === 'string' ? snapshot.value : String(Object.keys(snapshot.value)[0])
  })
}

function phases(events: readonly RecordedEvent[]): (string | undefined)[] {
  let lifecycle: Lifecycle | null = null
  return events.map((event) => {
    lifecycle = phaseAfter(lifecycle, event)
    return lifecycle?.phase
  })
}

describe('phase', () => {
  it('is the machine’s phase after every event of every history', () => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(historyArbitrary, (events) => {
        const expected = phasesByMachine(events)
        expected.forEach((phase) => seen.add(phase))
        expect(phases(events)).toEqual(expected)
      }),
      { numRuns: 150 },
    )
    expect([...seen].toSorted()).toEqual([...PHASES].toSorted())
  })

  it('goes to executing after the last configured step of preflight', () => {
    const config = startedWith({
      hooks: { after_create: 'a', before_run: 'b' },
      autonomy: { before_run: [{ command: 'c', timeout_ms: 1 }] },
    })
    const events = trail(
      fact('start.requested'),
      fact('session.claimed'),
      fact('session.started', config),
      fact('workspace.created'),
      fact('hook.finished', { hook: 'after_create' }),
      fact('checks.passed'),
      fact('hook.finished', { hook: 'before_run' }),
    )
    expect(phases(events)).toEqual(['queued', ...Array(5).fill('preflight'), 'executing'])
  })

  it('goes to executing with the workspace when nothing else is configured', () => {
    const events = trail(
      fact('start.requested'),
      fact('session.claimed'),
      fact('session.started'),
      fact('workspace.created'),
    )
    expect(phases(events)).toEqual(['queued', 'preflight', 'preflight', 'executing'])
  })

  it('stays blocked until its post is held, then holds, resumes and runs preflight’s checks again', () => {
    const config = startedWith({
      autonomy: { before_run: [{ command: 'c', timeout_ms: 1 }] },
      output: { require_approval_before_emit: true },
    })
    const events = trail(
      fact('start.requested'),
      fact('session.claimed'),
      fact('session.started', config),
      fact('post.held'),
      fact('workspace.created'),
      fact('checks.failed'),
      fact('session.blocked', { reason_code: 'preflight_blocked', hold_until: timeAt(100) }),
      fact('post.held', { kind: 'blocker' }),
      fact('resume.requested'),
      fact('session.resumed'),
      fact('checks.passed'),
    )
    expect(phases(events).slice(5)).toEqual(['preflight', 'blocked', 'blocked', 'blocked', 'preflight', 'executing'])
  })
})
