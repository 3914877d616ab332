/**
 * The real runtime on virtual time with drawn faults, one seed after another. How many and which ones can be set:
 * SWARMTRAIL_SIM_SEEDS, SWARMTRAIL_SIM_FROM, SWARMTRAIL_SIM_MUTANT; SWARMTRAIL_SIM_SEED runs one and prints its trace.
 */
import { expect, it } from 'vitest'
import { isMutant } from './mutants.ts'
import { reportOf } from './report.ts'
import { simulate } from './simulate.ts'

const { SWARMTRAIL_SIM_SEED: only, SWARMTRAIL_SIM_MUTANT: named = '' } = process.env
const mutant = isMutant(named) ? named : null
const from = Number(only ?? process.env['SWARMTRAIL_SIM_FROM'] ?? 1)
const seeds = only === undefined ? Number(process.env['SWARMTRAIL_SIM_SEEDS'] ?? 300) : 1
/** Generous: what bounds a seed is its number of steps. */
const SEED_MS_MAX = 2_000
const PROGRESS_SEEDS = 1_000

it(`every law holds from seed ${from} on, ${seeds} in all`, { timeout: 60_000 + seeds * SEED_MS_MAX }, async () => {
  const startedMs = performance.now()
  let held = 0
  for (let seed = from; seed < from + seeds; seed++) {
    const simulation = await simulate(seed, { mutant })
    if (only !== undefined) process.stdout.write(`${simulation.trace.join('\n')}\n`)
    if (simulation.violations.length > 0) throw new Error(reportOf(simulation, mutant))
    held++
    if (held % PROGRESS_SEEDS === 0 || held === seeds) {
      const perSecond = (held * 1_000) / (performance.now() - startedMs)
      process.stderr.write(`${held} seeds hold, ${perSecond.toFixed(1)} seeds/s\n`)
    }
  }
  expect(held).toBe(seeds)
})

it('runs the same way twice for the same seed', async () => {
  for (const seed of [3, 21, 40]) {
    const [first, second] = [await simulate(seed), await simulate(seed)]
    expect({ seed, hash: second.hash, steps: second.steps }).toEqual({ seed, hash: first.hash, steps: first.steps })
    expect(first.trace.length).toBeGreaterThan(100)
  }
})

it('meets what it is for: takeovers, interrupted and stalled turns, conflicts, lost answers', async () => {
  const seen = new Set<string>()
  const wanted = ['turn.interrupted', 'turn.stalled', 'turn.timed_out', 'turn.stopped', 'session.resumed', 'takeover']
  const faults = [
    'append_outcome_unknown',
    'log_unreachable',
    'not 0',
    'is killed',
    'is frozen',
    'is cut off',
    'drains',
  ]
  for (let seed = 1; seed <= 60; seed++) {
    const { events, trace } = await simulate(seed)
    for (const type of events.keys()) seen.add(type)
    if ((events.get('session.claimed') ?? 0) > (events.get('start.requested') ?? 0)) seen.add('takeover')
    for (const fault of faults) if (trace.some((line) => line.includes(fault))) seen.add(fault)
  }
  expect([...wanted, ...faults].filter((each) => !seen.has(each))).toEqual([])
})
