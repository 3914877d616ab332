/** Laws of a session's whole run: outcomes, hooks, turns and stops counted over generated histories that have ended. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SwarmEvent } from '../../src/events/envelope.ts'
import { contextOf, stateName } from '../../src/machines/decider.ts'
import { eventsOf, finished, type History } from '../support/histories.ts'

const OUTCOMES = new Set(['session.completed', 'session.failed', 'session.blocked', 'session.stopped'])
const CLEANING = new Set(['workspace.captured', 'workspace.removed', 'workspace.archived', 'workspace.kept'])

function always(law: (history: History, events: SwarmEvent[]) => void): void {
  fc.assert(
    fc.property(finished, (history) => law(history, eventsOf(history))),
    { numRuns: 150 },
  )
}

describe('a run', () => {
  it('has exactly one outcome, one more for each time it was resumed, and each before cleanup', () => {
    always((history, events) => {
      const outcomes = events.filter((event) => OUTCOMES.has(event.type))
      const resumed = events.filter((event) => event.type === 'session.resumed')
      expect(outcomes).toHaveLength(1 + resumed.length)
      expect(contextOf(history.state).outcome).toBe(outcomes.at(-1)?.type.slice('session.'.length))
      const before = (types: ReadonlySet<string>) =>
        history.steps.filter(({ event }) => types.has(event.type)).map((step) => contextOf(step.before).outcome)
      expect(before(OUTCOMES).filter((outcome) => outcome !== null)).toEqual([])
      expect(before(CLEANING)).not.toContain(null)
    })
  })

  it('ends with one session.closed that tells outcome and turns', () => {
    always((history, events) => {
      const { outcome, turnsStarted } = contextOf(history.state)
      const closed = events.flatMap((event) => (event.type === 'session.closed' ? [event.data] : []))
      expect(closed).toEqual([expect.objectContaining({ outcome, turns: turnsStarted })])
    })
  })

  it('runs after_run exactly once whenever before_run succeeded, and never when it did not', () => {
    always((history, events) => {
      if (history.scenario.front.hooks?.after_run === undefined) return
      const hooks = events.flatMap((event) => (event.type === 'hook.finished' ? [event.data] : []))
      const hasBefore = history.scenario.front.hooks.before_run !== undefined
      const began = hasBefore
        ? hooks.some(({ hook, ok }) => hook === 'before_run' && ok)
        : events.some((event) => event.type === 'turn.started')
      expect(hooks.filter(({ hook }) => hook === 'after_run')).toHaveLength(began ? 1 : 0)
    })
  })

  it('runs each hook only where one is configured, in the order of their names', () => {
    const order = ['after_create', 'before_run', 'after_run', 'before_remove']
    always((history, events) => {
      const ran = events.flatMap((event) => (event.type === 'hook.finished' ? [event.data.hook] : []))
      const hooks = history.scenario.front.hooks ?? {}
      for (const hook of ran) expect(hooks[hook]).toBeDefined()
      const places = ran.map((hook) => order.indexOf(hook))
      expect(places).toEqual(places.toSorted((one, other) => one - other))
      expect(new Set(ran).size).toBe(ran.length)
    })
  })

  it('never has more turns than max_turns, numbered from one without gaps', () => {
    always((history, events) => {
      const turns = events.flatMap((event) => (event.type === 'turn.started' ? [event.data.turn_number] : []))
      expect(turns).toEqual(turns.map((_, index) => index + 1))
      expect(turns.length).toBeLessThanOrEqual(contextOf(history.state).started?.limits.max_turns ?? 0)
    })
  })

  it('starts no turn once its end is decided', () => {
    always((history) => {
      for (const { before } of history.steps.filter(({ event }) => event.type === 'turn.started')) {
        expect(contextOf(before)).toMatchObject({ verdict: null, stop: null })
      }
    })
  })

  it('that was asked to stop ends stopped unless its end was decided before', () => {
    always((history) => {
      const at = history.steps.findIndex(({ event }) => event.type === 'stop.requested')
      const asked = history.steps[at]
      if (asked === undefined) return
      const { verdict, outcome } = contextOf(asked.before)
      const decided = verdict?.outcome ?? (stateName(asked.before) === 'blocked.resuming' ? 'stopped' : outcome)
      if (history.steps.slice(at).some(({ command }) => endsByFault(command.type))) return
      expect(contextOf(history.state).outcome).toBe(decided ?? 'stopped')
    })
  })

  it('keeps its workspace where it is when its work could not be captured', () => {
    always((history, events) => {
      const lost = history.steps.some(
        ({ before, event }) => stateName(before) === 'cleanup.capturing' && event.type === 'workspace.cleanup_failed',
      )
      if (!lost) return
      expect(events.filter(({ type }) => /^workspace\.(removed|archived|kept)$/.test(type))).toEqual([])
      expect(contextOf(history.state).workspace).not.toBeNull()
    })
  })

  it('holds every post that needs approval before anything follows from it', () => {
    always((history) => {
      expect(contextOf(history.state).post).toBeNull()
      for (const { before, after } of history.steps.filter(({ event }) => event.type === 'post.held')) {
        expect(contextOf(after).heldPosts).toContain(contextOf(before).post?.post_id)
      }
    })
  })
})

function endsByFault(command: string): boolean {
  return command === 'EFFECT_FAILED' || command === 'SESSION_UNOPENABLE' || command === 'TURN_UNPREPARABLE'
}
