/**
 * A breadth-first walk through the session machine: from the start, everything that could happen next is tried once in
 * every situation that differs in more than numbers and texts. Where a scenario is bounded, so is the walk.
 */
import { getMicrosteps } from 'xstate'
import { contextOf, decide, INITIAL_STATE, phaseOf, stateName, type SessionState } from '../../src/machines/decider.ts'
import { snapshotAt } from '../../src/machines/pure-transition.ts'
import { sessionMachine } from '../../src/machines/session-machine.ts'
import { requestsIn, resultsIn, step, type Scenario, type Step } from './histories.ts'
import { pathsIn } from './xstate-fold.ts'

/** Situations one scenario may lead to before the walk is taken for endless. */
const SITUATIONS_MAX = 5_000

/** Every step that can be taken from every situation of the scenario. */
export function walk(scenario: Scenario): Step[] {
  const seen = new Set<string>()
  const taken: Step[] = []
  const open: SessionState[] = [INITIAL_STATE]
  for (let state = open.shift(); state !== undefined; state = open.shift()) {
    for (const command of [...resultsIn(state, scenario), ...requestsIn(state, scenario)]) {
      if (!decide(state, command).ok) continue
      const next = step([], state, command)
      taken.push(next)
      // A take-over changes nothing about what can happen next.
      if (command.type === 'CLAIM' && command.epoch > 1) continue
      const situation = situationOf(next.after)
      if (seen.has(situation)) continue
      seen.add(situation)
      open.push({ ...next.after, version: 10 })
    }
    if (seen.size > SITUATIONS_MAX) throw new Error(`more than ${SITUATIONS_MAX} situations`)
  }
  return taken
}

/** The states that a step passes through or reaches, those that only decide where to go included. */
export function statesOn({ before, event }: Step): string[] {
  return getMicrosteps(sessionMachine, snapshotAt(before.at, before.context), event).map(
    ([snapshot]) => pathsIn(snapshot.value).at(-1) ?? '',
  )
}

/** What the machine's guards and recorders can tell apart, without numbers that only grow and texts. */
function situationOf(state: SessionState): string {
  const context = contextOf(state)
  const { turn, verdict } = context
  const inTurn = phaseOf(state) === 'executing' || phaseOf(state) === 'stalled'
  return JSON.stringify([
    stateName(state),
    state.pending.map(({ params }) => ('hook' in params ? params.hook : null)),
    [context.stop !== null, context.post?.kind, context.heldPosts.length > 0],
    [verdict?.outcome, verdict?.reason_code, context.outcome],
    [context.beforeRunOk, context.turnsStarted, context.captureFailed, context.blockedBeforeRun],
    inTurn && [context.nextKind, context.consecutiveRestarts, context.claimsDone],
    inTurn && [turn?.spawned === null, turn?.tool_results.length, turn?.response?.status],
  ])
}
