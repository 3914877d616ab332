/** What executors, hooks and checks of the simulated world do: drawn anew for each launch. */
import type { Random } from './random.ts'

export type Behaviour = {
  outputs: { afterMs: number; text: string }[]
  /** null: it never ends by itself. */
  endsAfterMs: number | null
  exitCode: number
  /** Content of the response file, written at the end; null: none. */
  response: string | null
  /** A file it leaves in the workspace. */
  changes: string | null
  ignoresTerm: boolean
}

const CHATTER_MS = [200, 1_400] as const
const RUNAWAY_MS = 20_000

/** How often executors do what, from 0 to 1; the rest answers properly. */
export type Temper = {
  hang: number
  runaway: number
  silent: number
  ends: number
  ignoresTerm: number
  hookFails: number
}

export function drawTemper(random: Random): Temper {
  const rate = (max: number) => (random.chance(0.5) ? 0 : random.unit() * max)
  return {
    hang: rate(0.4),
    runaway: rate(0.2),
    silent: rate(0.2),
    ends: 0.3 + random.unit() * 0.6,
    ignoresTerm: rate(0.5),
    hookFails: rate(0.2),
  }
}

export function executorBehaviour(random: Random, temper: Temper, turn: number): Behaviour {
  const ignoresTerm = random.chance(temper.ignoresTerm)
  const durationMs = random.int(20, 5_000)
  const base = { ignoresTerm, exitCode: random.chance(0.1) ? 3 : 0, changes: `turn-${turn}.txt` }
  if (random.chance(temper.hang))
    return { ...base, outputs: chatter(random, durationMs), endsAfterMs: null, response: null }
  if (random.chance(temper.runaway)) {
    return { ...base, outputs: chatter(random, RUNAWAY_MS), endsAfterMs: null, response: null }
  }
  const response = random.chance(temper.silent)
    ? random.pick([null, '{', '{"status":"done"}'])
    : answer(random, temper, turn)
  return { ...base, outputs: chatter(random, durationMs), endsAfterMs: durationMs, response }
}

export function hookBehaviour(random: Random, temper: Temper): Behaviour {
  const fails = random.chance(temper.hookFails)
  return {
    outputs: [{ afterMs: 1, text: 'hook\n' }],
    endsAfterMs: random.int(5, 1_500),
    exitCode: fails ? 1 : 0,
    response: null,
    changes: null,
    ignoresTerm: random.chance(temper.ignoresTerm),
  }
}

function answer(random: Random, temper: Temper, turn: number): string {
  const status = random.chance(temper.ends) ? random.pick(['done', 'done', 'done', 'blocked', 'failed']) : 'continue'
  const tool_calls = Array.from({ length: random.pick([0, 0, 1, 2]) }, (_, n) => ({
    name: random.pick(['probe', 'probe', 'command', 'unknown']),
    input: { n },
  }))
  return JSON.stringify({
    status,
    summary: `turn ${turn} says ${status}`,
    tool_calls,
    evidence_refs: [`file:turn-${turn}`],
  })
}

function chatter(random: Random, untilMs: number): Behaviour['outputs'] {
  const outputs = []
  for (let afterMs = random.int(0, 300); afterMs < untilMs; afterMs += random.int(...CHATTER_MS)) {
    outputs.push({ afterMs, text: `at ${afterMs}\n` })
  }
  return outputs
}
