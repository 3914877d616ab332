/**
 * Legal histories, told by driving decide and evolve with a row of choices among all that could plausibly happen next:
 * results of pending effects, good and bad, and what people and other runners may ask for meanwhile. The choices are
 * plain numbers, so fast-check shrinks a failing history to a short one.
 */
import fc from 'fast-check'
import type { SwarmEvent } from '../../src/events/envelope.ts'
import type { StartInput } from '../../src/events/start-input.ts'
import type { Command, CommandBody, EffectResult } from '../../src/machines/commands.ts'
import {
  contextOf,
  decide,
  evolve,
  INITIAL_STATE,
  phaseOf,
  stateName,
  type SessionState,
} from '../../src/machines/decider.ts'
import { answersOf } from './answers.ts'
import { inputOf, type Front } from './facts.ts'
import { positionOf, seal, timeOf } from './given.ts'

export type Scenario = { front: Front; input: StartInput }
export type Step = { before: SessionState; command: Command; event: SwarmEvent; position: number; after: SessionState }
export type History = {
  scenario: Scenario
  steps: readonly Step[]
  state: SessionState
  /** What fast-check prints of it when a law is broken. */
  [fc.toStringMethod]: () => string
}

/** Longest way from anywhere to the end, every effect answered once. */
export const FINISH_STEPS_MAX = 120
/** Claims beyond this epoch are left out, lest a history is nothing but take-overs. */
const EPOCH_MAX = 4

export function eventsOf(history: History): SwarmEvent[] {
  return history.steps.map((step) => step.event)
}

/** What could happen next without a person or another runner asking for it. */
export function resultsIn(state: SessionState, scenario: Scenario): Command[] {
  return state.pending.flatMap((intent) =>
    answersOf(intent, state, scenario.front).map((body: EffectResult) => at(state, body, intent.id)),
  )
}

/** What people and runners may ask for, here and now. */
export function requestsIn(state: SessionState, scenario: Scenario): Command[] {
  if (phaseOf(state) === 'unstarted') return [at(state, { type: 'START', input: scenario.input })]
  const { claim, heldPosts } = contextOf(state)
  const epoch = (claim?.epoch ?? 0) + 1
  const [post_id] = heldPosts
  const bodies: CommandBody[] = [
    ...(epoch <= EPOCH_MAX ? [{ type: 'CLAIM', runner_id: `r${epoch}`, epoch, host: 'h', pid: 42 } as const] : []),
    { type: 'STOP', by: 'ann', reason: 'enough' },
    { type: 'RESUME', by: 'ann', guidance: 'try the other key' },
    ...(post_id === undefined
      ? []
      : ([
          { type: 'APPROVE', post_id, by: 'ann' },
          { type: 'DENY', post_id, by: 'ann', reason: 'not now' },
        ] as const)),
  ]
  return bodies.map((body) => at(state, body)).filter((command) => decide(state, command).ok)
}

/**
 * How often a result or request comes up among all that are possible: good days often, faults and stops seldom, or few
 * histories would live to see a second turn.
 */
function weightOf(command: Command, index: number, state: SessionState): number {
  if (command.type === 'EFFECT_FAILED' || command.type === 'STOP' || command.type === 'TURN_TIMED_OUT') return 1
  if (command.type === 'TURN_SPAWNED' || command.type === 'TURN_PROGRESSED') return 12
  if (command.type === 'TURN_EXITED') return command.response?.status === 'continue' ? 8 : 2
  if (command.type === 'TURN_STALLED' || command.type === 'TURN_INTERRUPTED') return 6
  if (command.type === 'RESUME') return 9
  if (command.type === 'CLAIM') return contextOf(state).claim === null ? 20 : 1
  return command.cause !== undefined && command.type !== 'END_HOLD' && index === 0 ? 90 : 3
}

/** What a choice comes to here. */
function chosen(state: SessionState, scenario: Scenario, choice: number): Command | undefined {
  const possible = [...resultsIn(state, scenario), ...requestsIn(state, scenario)]
  const weighted = possible.flatMap((command, index) =>
    Array.from({ length: weightOf(command, index, state) }, () => command),
  )
  return weighted[choice % Math.max(1, weighted.length)]
}

/** Takes one command as the history's next step; a refusal is the caller's mistake. */
export function step(steps: readonly Step[], before: SessionState, command: Command): Step {
  const decision = decide(before, command)
  if (!decision.ok) throw new Error(decision.message)
  const index = steps.length
  const { session_id } = command.type === 'START' ? command.input : (contextOf(before).request ?? inputOf())
  const event = seal(decision.fact, index, before.head, command.at, session_id)
  const position = positionOf(index)
  return { before, command, event, position, after: evolve(before, event, position) }
}

/** Tells a history as far as the choices reach. */
export function tell(scenario: Scenario, choices: readonly number[]): History {
  const steps: Step[] = []
  let state = INITIAL_STATE
  for (const choice of choices) {
    const command = chosen(state, scenario, choice)
    if (command === undefined || !decide(state, command).ok) continue
    const taken = step(steps, state, command)
    steps.push(taken)
    state = taken.after
  }
  return historyOf(scenario, steps, state)
}

/** Carries a history to its end by answering what is pending, and claiming what nobody has claimed. */
export function finish(history: History): History {
  const steps = [...history.steps]
  let { state } = history
  for (let n = 0; phaseOf(state) !== 'closed'; n++) {
    const [command] = [...resultsIn(state, history.scenario), ...requestsIn(state, history.scenario)]
    if (command === undefined || n === FINISH_STEPS_MAX) throw new Error(`no way on from ${stateName(state)}`)
    const taken = step(steps, state, command)
    steps.push(taken)
    state = taken.after
  }
  return historyOf(history.scenario, steps, state)
}

export function historyOf(scenario: Scenario, steps: readonly Step[], state: SessionState): History {
  const line = ({ event, after }: Step) => `${event.type} -> ${stateName(after)}`
  const print = () => [JSON.stringify(scenario), ...steps.map(line)].join('\n')
  return { scenario, steps, state, [fc.toStringMethod]: print }
}

function at(state: SessionState, body: CommandBody, cause?: string): Command {
  return { ...body, at: timeOf(indexAfter(state)), cause }
}

/** Events are numbered by position, so time goes on with them. */
function indexAfter(state: SessionState): number {
  return state.version === 0 ? 0 : (state.version - positionOf(0)) / (positionOf(1) - positionOf(0)) + 1
}

const maybe = <T>(value: T) => fc.constantFrom(undefined, value)
const front: fc.Arbitrary<Front> = fc.record({
  executor: fc.record({ max_turns: fc.integer({ min: 1, max: 4 }) }),
  liveness: fc.record({
    stall_window_ms: fc.constantFrom(-1, 0, 1_500, 120_000),
    max_stall_restarts: fc.integer({ min: 0, max: 3 }),
    initial_backoff_ms: fc.constantFrom(0, 1_000),
  }),
  workspace: fc.record({
    source: fc.constantFrom('worktree', 'copy', 'empty', 'in-place'),
    on_cleanup: fc.constantFrom('remove', 'archive', 'keep'),
  }),
  hooks: fc.record({
    after_create: maybe('x'),
    before_run: maybe('x'),
    after_run: maybe('x'),
    before_remove: maybe('x'),
  }),
  autonomy: fc.record({
    before_run: fc.constantFrom([], ['a', 'b']),
    stop: fc.constantFrom([], ['a', 'b']),
    on_stop_failure: fc.constantFrom('block', 'continue'),
  }),
  output: fc.record({ silent_unless_blocked: fc.boolean(), require_approval_before_emit: fc.boolean() }),
  blocked: fc.record({ hold_ms: fc.constantFrom(0, 60_000) }),
})

export const scenarios: fc.Arbitrary<Scenario> = fc.record({
  front,
  input: fc
    .record({
      auto_cleanup: fc.boolean(),
      max_turns: maybe(2),
      emit_to: fc.constantFrom<(string[] | undefined)[]>(undefined, [], ['tui']),
    })
    .map(inputOf),
})

const choices = fc.noBias(fc.array(fc.nat({ max: 9_999 }), { maxLength: 60, size: 'max' }))

/** Histories cut off anywhere, the empty one and finished ones included. */
export const histories: fc.Arbitrary<History> = fc
  .record({ scenario: scenarios, choices })
  .map((told) => tell(told.scenario, told.choices))

/** Histories that reached their end. */
export const finished: fc.Arbitrary<History> = histories.map(finish)
