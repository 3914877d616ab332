import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SwarmEvent } from '../../src/events/envelope.ts'
import {
  contextOf,
  decide,
  evolve,
  INITIAL_STATE,
  phaseOf,
  plan,
  stateName,
  UnhandledEventError,
  type SessionState,
} from '../../src/machines/decider.ts'
import { pureTransition, snapshotAt } from '../../src/machines/pure-transition.ts'
import { disagreementOf } from '../../src/machines/agreement.ts'
import { move } from '../../src/machines/transition-table.ts'
import { foldAll, foldThroughJson, positionOf, seal } from '../support/given.ts'
import { foldByXState } from '../support/xstate-fold.ts'
import { eventsOf, finish, histories, requestsIn, resultsIn, type History } from '../support/histories.ts'

const RUNS = { numRuns: 150 }

/** Checks something at every step of generated histories. */
function always(law: (history: History) => void): void {
  fc.assert(fc.property(histories, law), RUNS)
}

describe('a command', () => {
  it('moves nothing and emits at most one event, which the machine then takes', () => {
    always((history) => {
      for (const { before, command, event } of history.steps) {
        const snapshot = snapshotAt(before.at, before.context)
        const [after, actions] = pureTransition(snapshot, command)
        expect(after.value).toBe(snapshot.value)
        expect(after.context).toBe(snapshot.context)
        expect(actions.map((action) => action.type)).toEqual(['xstate.emit'])
        expect(decide(before, command)).toEqual({ ok: true, fact: { type: event.type, data: event.data } })
      }
    })
  })

  it('of any kind is refused, or it becomes an event that the machine takes, in every state', () => {
    fc.assert(
      fc.property(histories, histories, (history, other) => {
        const { state, scenario } = history
        const strangers = other.steps.map(({ command }) => ({ ...command, cause: undefined }))
        for (const command of [...strangers, ...resultsIn(state, scenario), ...requestsIn(state, scenario)]) {
          const decision = decide(state, command)
          const taken = decision.ok && evolve(state, seal(decision.fact, 0, state.head), state.version + 1).lastEventId
          const refusal = { ok: false, phase: phaseOf(state), command: command.type }
          expect(decision).toMatchObject(taken === false ? refusal : { ok: true })
        }
      }),
      RUNS,
    )
  })

  it('that reports the result of an effect a second time is refused', () => {
    always((history) => {
      for (const { command, after } of history.steps.filter((step) => step.command.cause !== undefined)) {
        expect(decide(after, command)).toMatchObject({ ok: false })
      }
    })
  })
})

describe('an event', () => {
  it('always changes something, and means what XState makes of it', () => {
    always((history) => {
      for (const { before, event } of history.steps) {
        const moved = move(before.at, before.context, event)
        expect(moved?.context).not.toBe(before.context)
        expect(moved).toEqual(foldByXState(before, event))
      }
    })
  })

  it('of any kind is possible in a state when XState says so', () => {
    fc.assert(
      fc.property(histories, histories, ({ state, steps }, other) => {
        for (const { event } of [...steps, ...other.steps]) {
          expect(move(state.at, state.context, event)).toEqual(foldByXState(state, event))
        }
      }),
      RUNS,
    )
  })

  it('and the state before and after it survive JSON', () => {
    always((history) => {
      for (const { before, event, position } of history.steps) foldThroughJson(before, event, position)
    })
  })

  it('asks for the effects that are new in the state after it', () => {
    always((history) => {
      for (const { before, event, after } of history.steps) {
        const before_ids = new Set(before.pending.map((intent) => intent.id))
        expect(plan(before, event)).toEqual(after.pending.filter((intent) => !before_ids.has(intent.id)))
      }
    })
  })

  it('that comes twice is refused, unless it only notes progress', () => {
    always((history) => {
      for (const { after, event, position } of history.steps) {
        if (event.type === 'turn.progressed') continue
        expect(() => evolve(after, event, position + 1), `${event.type} in ${stateName(after)}`).toThrow(
          UnhandledEventError,
        )
      }
    })
  })
})

describe('a history', () => {
  it('with an event dropped, doubled or moved is refused, or it is legal and nothing of it is ignored', () => {
    const mutation = fc.constantFrom('drop', 'double', 'swap')
    fc.assert(
      fc.property(histories, mutation, fc.nat(), (history, kind, where) => {
        const events = mutate(eventsOf(history), kind, where)
        let state = INITIAL_STATE
        for (const [index, event] of events.entries()) {
          const next = tryEvolve(state, event, positionOf(index))
          if (next === null) return
          expect(next.context).not.toBe(state.context)
          expectSound(next)
          state = next
        }
      }),
      { numRuns: 400 },
    )
  })

  it('folds to the same state again', () => {
    always((history) => {
      expect(foldAll(eventsOf(history))).toEqual(history.state)
    })
  })

  it('has work pending whenever its session is claimed and open, one piece for each state that asked', () => {
    always((history) => {
      for (const { after } of history.steps) expectSound(after)
    })
  })

  it('waits for the work it asked for, but for a preparation that a stop cuts short and a hold that somebody ends', () => {
    always((history) => {
      for (const { before, command, after } of history.steps) {
        const still = new Set(after.pending.map(({ id }) => id))
        const dropped = before.pending.filter(({ id }) => !still.has(id) && id !== command.cause)
        const types = dropped.map(({ type }) => type)
        expect(types.filter((type) => type !== 'prepareTurn' && type !== 'endHold')).toEqual([])
      }
    })
  })

  it('can be brought to its end from anywhere by answering what is pending', () => {
    always((history) => {
      const { state } = finish(history)
      expect(phaseOf(state)).toBe('closed')
      expect(state.pending).toEqual([])
      expect(contextOf(state).outcome).not.toBeNull()
    })
  })
})

function expectSound(state: SessionState): void {
  const owners = state.pending.map((intent) => intent.owner)
  expect(new Set(owners).size).toBe(owners.length)
  for (const owner of owners) expect(stateName(state).startsWith(owner), `${owner} in ${stateName(state)}`).toBe(true)
  const waits = contextOf(state).claim === null || phaseOf(state) === 'closed'
  expect(state.pending, `pending in ${stateName(state)}`).toHaveLength(waits ? 0 : 1)
}

function mutate(events: SwarmEvent[], kind: string, where: number): SwarmEvent[] {
  const at = where % Math.max(1, events.length)
  const event = events[at]
  if (event === undefined) return events
  if (kind === 'drop') return events.toSpliced(at, 1)
  if (kind === 'double') return events.toSpliced(at, 0, event)
  return events.toSpliced(at, 1).toSpliced(at + 1, 0, event)
}

/** Null when the machine refuses the event; any other fault is the machine's. */
function tryEvolve(state: SessionState, event: SwarmEvent, position: number): SessionState | null {
  try {
    return evolve(state, event, position)
  } catch (error) {
    if (error instanceof UnhandledEventError) return null
    throw error
  }
}

describe('what an event repeats of its trail', () => {
  it('agrees with the events before it, whatever happened', () => {
    always((history) => {
      for (const { before, event } of history.steps) expect(disagreementOf(contextOf(before), event)).toBeNull()
    })
  })
})
