/**
 * Given these facts, when this command comes, then this is emitted or refused. An emitted fact is taken at once, so a
 * story can go on with the next `when`. Along the way every state survives JSON, every event its stored form, and the
 * whole history a second folding.
 */
import { createHash } from 'node:crypto'
import { expect } from 'vitest'
import { decodeEvent } from '../../src/events/catalog.ts'
import { NO_HASH, type SwarmEvent } from '../../src/events/envelope.ts'
import { sealEvent } from '../../src/events/hash-chain.ts'
import type { EventData, EventType, SessionFact } from '../../src/events/session-events.ts'
import { toTimestamp } from '../../src/events/timestamp.ts'
import type { CommandBody } from '../../src/machines/commands.ts'
import type { SessionContext } from '../../src/machines/context.ts'
import {
  contextOf,
  decide,
  evolve,
  INITIAL_STATE,
  phaseOf,
  stateName,
  type Phase,
  type Refusal,
  type SessionState,
} from '../../src/machines/decider.ts'
import type { IntentType } from '../../src/machines/intents.ts'
import { T0_MS } from './facts.ts'

const STEP_MS = 1_000
export const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** When the n-th event (from 0) of a story happens. */
export const timeOf = (index: number) => T0_MS + index * STEP_MS
/** Positions have gaps, as in a log shared with other sessions. */
export const positionOf = (index: number) => 10 + index * 3
export const idOf = (index: number, sessionId = 'S1') => (sessionId === 'S1' ? '' : `${sessionId}-`) + `e${index + 1}`

/** The n-th event of a trail, sealed onto the one before it. */
export function seal(
  fact: SessionFact,
  index: number,
  prevHash: string,
  atMs = timeOf(index),
  sessionId = 'S1',
): SwarmEvent {
  const id = idOf(index, sessionId)
  return sealEvent(
    fact,
    {
      id,
      source: 'runner/r1',
      sessionId,
      time: toTimestamp(atMs),
      correlationId: sessionId,
      causationId: id,
      prevHash,
    },
    sha256,
  )
}

/** One step of folding that must come out the same through JSON: the event's, and the state's before and after. */
export function foldThroughJson(state: SessionState, event: SwarmEvent, position: number): SessionState {
  const next = evolve(state, event, position)
  const decoded = decodeEvent(JSON.stringify(event))
  if (!decoded.ok) throw new Error(`${event.type} is not what its schema says: ${decoded.reason}`)
  const again = evolve(throughJson(state), decoded.event, position)
  expect(throughJson(next)).toEqual(next)
  expect(again).toEqual(next)
  return next
}

function throughJson(state: SessionState): SessionState {
  return JSON.parse(JSON.stringify(state)) as SessionState
}

/** Folds a whole trail from nothing. */
export function foldAll(events: readonly SwarmEvent[]): SessionState {
  return events.reduce((state, event, index) => evolve(state, event, positionOf(index)), INITIAL_STATE)
}

type When = CommandBody & { at?: number; cause?: string }

/** What has happened to a session so far, and what would happen next. */
export class Story {
  readonly events: readonly SwarmEvent[]
  readonly state: SessionState

  constructor(events: readonly SwarmEvent[], state: SessionState) {
    this.events = events
    this.state = state
  }

  /** Takes facts as the next events. */
  and(...facts: SessionFact[]): Story {
    let story = new Story(this.events, this.state)
    for (const fact of facts) {
      const index = story.events.length
      const event = seal(fact, index, story.events.at(-1)?.hash ?? NO_HASH)
      story = new Story([...story.events, event], foldThroughJson(story.state, event, positionOf(index)))
    }
    expect(foldAll(story.events)).toEqual(story.state)
    return story
  }

  when(command: When) {
    const decision = decide(this.state, { at: timeOf(this.events.length), ...command })
    return {
      /** The one fact it becomes; the story goes on with it. */
      thenEmits: <T extends EventType>(type: T, data: Partial<EventData<T>> = {}): Story => {
        expect(decision).toMatchObject({ ok: true, fact: { type, data } })
        if (!decision.ok) throw new Error(decision.message)
        return this.and(decision.fact)
      },
      /** Whatever it becomes, the story goes on with it. */
      thenGoesOn: (): Story => {
        if (!decision.ok) throw new Error(decision.message)
        return this.and(decision.fact)
      },
      /** Nothing happens; the story goes on as it was. */
      thenRefused: (code: Refusal['code'] = 'not_accepted_in_phase'): Story => {
        expect(decision).toMatchObject({ ok: false, code, phase: phaseOf(this.state), command: command.type })
        return this
      },
    }
  }

  thenPhase(phase: Phase, name: string = phase): Story {
    expect([phaseOf(this.state), stateName(this.state)]).toEqual([phase, name])
    return this
  }

  /** Exactly these effects are pending. */
  thenPending(types: readonly IntentType[], params: object = {}): Story {
    expect(this.state.pending.map((intent) => intent.type)).toEqual(types)
    if (types.length === 1) expect(this.state.pending[0]?.params).toMatchObject(params)
    return this
  }

  thenContext(context: Partial<SessionContext>): Story {
    expect(contextOf(this.state)).toMatchObject(context)
    return this
  }

  /** The event is not possible here. */
  thenUnhandled(fact: SessionFact): Story {
    expect(() => this.and(fact)).toThrow(expect.objectContaining({ code: 'unhandled_event' }))
    return this
  }
}

/** A session to which these facts have happened, in order. */
export function given(...facts: readonly (SessionFact | readonly SessionFact[])[]): Story {
  return new Story([], INITIAL_STATE).and(...facts.flat())
}
