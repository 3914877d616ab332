/** Every corner of the machine's definition is reached by something that can really happen. */
import { describe, expect, it } from 'vitest'
import { REASON_CODES, TURN_KINDS } from '../../src/events/parts.ts'
import { OUTCOMES } from '../../src/events/terms.ts'
import { EVENT_TYPES } from '../../src/events/session-events.ts'
import { contextOf, stateName } from '../../src/machines/decider.ts'
import { INTENT_TYPES, sessionMachine } from '../../src/machines/session-machine.ts'
import { move } from '../../src/machines/transition-table.ts'
import { inputOf, type Front } from '../support/facts.ts'
import { statesOn, walk } from '../support/walk.ts'
import { foldByXState } from '../support/xstate-fold.ts'

const hooks = { after_create: 'x', before_run: 'x', after_run: 'x', before_remove: 'x' }
const bounds: Front = { executor: { max_turns: 2 }, liveness: { max_stall_restarts: 1 }, blocked: { hold_ms: 1_000 } }
const fronts: Front[] = [
  { ...bounds, hooks, autonomy: { before_run: ['a'], stop: ['b'], on_stop_failure: 'continue' } },
  { ...bounds, output: { require_approval_before_emit: true }, autonomy: { before_run: ['a'], stop: ['b'] } },
  { executor: { max_turns: 3 }, liveness: { max_stall_restarts: 1 }, workspace: { on_cleanup: 'archive' } },
  { executor: { max_turns: 1 }, workspace: { source: 'in-place' } },
]
const steps = fronts.flatMap((front) => walk({ front, input: inputOf() }))

type Node = typeof sessionMachine.root

function leavesOf(node: Node): Node[] {
  const children = Object.values<Node>(node.states)
  return children.length === 0 ? [node] : children.flatMap(leavesOf)
}

/** The transitions on events that are declared at this node: `path: type`, numbered where there are several. */
function declaredAt(node: Node): string[] {
  const own = [...node.transitions].filter(([type]) => type.includes('.'))
  return [
    ...own.map(([type]) => `${node.path.join('.')}: ${type}`),
    ...Object.values<Node>(node.states).flatMap(declaredAt),
  ]
}

/** The node whose declaration a step used: the state itself, or its phase. */
function usedBy(name: string, type: string, declared: ReadonlySet<string>): string {
  const own = `${name}: ${type}`
  return declared.has(own) ? own : `${name.split('.')[0]}: ${type}`
}

describe('a walk through everything that can happen', () => {
  it('reaches each state of the machine', () => {
    const reached = new Set(['unstarted', ...steps.flatMap(statesOn)])
    const missed = leavesOf(sessionMachine.root).map((leaf) => leaf.path.join('.'))
    expect(missed.filter((path) => !reached.has(path))).toEqual([])
  })

  it('means at each step what XState makes of it', () => {
    for (const { before, event } of steps) {
      expect(move(before.at, before.context, event)).toEqual(foldByXState(before, event))
    }
  })

  it('takes each transition that the machine declares for an event', () => {
    const declared = new Set(declaredAt(sessionMachine.root))
    const taken = new Set(steps.map(({ before, event }) => usedBy(stateName(before), event.type, declared)))
    expect([...declared].filter((one) => !taken.has(one))).toEqual([])
  })

  it('meets each reason code, outcome, kind of turn, type of event and kind of effect', () => {
    const events = steps.map(({ event }) => event)
    const reasons = events.flatMap(({ data }) => ('reason_code' in data ? [data.reason_code] : []))
    const kinds = events.flatMap((event) => (event.type === 'turn.started' ? [event.data.kind] : []))
    const outcomes = events.flatMap((event) => (event.type === 'session.closed' ? [event.data.outcome] : []))
    const intents = steps.flatMap(({ after }) => after.pending.map(({ type }) => type))
    expect(new Set(reasons)).toEqual(new Set(REASON_CODES))
    expect(new Set(kinds)).toEqual(new Set(TURN_KINDS))
    expect(new Set(outcomes)).toEqual(new Set(OUTCOMES))
    expect(new Set(events.map(({ type }) => type))).toEqual(new Set(EVENT_TYPES))
    expect(new Set(intents)).toEqual(new Set(INTENT_TYPES))
  })

  it('meets a stop in each state that is rested in and not yet over', () => {
    const stopped = new Set(
      steps.flatMap(({ before, event }) => (event.type === 'stop.requested' ? [stateName(before)] : [])),
    )
    const rested = new Set(steps.map(({ before }) => stateName(before)))
    const over = /^(unstarted|cleanup\..*|closed)$/
    expect([...rested].filter((name) => !over.test(name) && !stopped.has(name))).toEqual([])
  })

  it('ends in closed wherever nothing is pending in a claimed session', () => {
    const stuck = steps.filter(({ after }) => after.pending.length === 0 && contextOf(after).claim !== null)
    expect(new Set(stuck.map(({ after }) => stateName(after)))).toEqual(new Set(['closed']))
  })
})
