/** What the simulation is worth: each known way to get it wrong is found within a bounded number of seeds. */
import { expect, it } from 'vitest'
import { MUTANTS } from './mutants.ts'
import { simulate } from './simulate.ts'

const SEEDS_MAX = 100

it.each(MUTANTS)('finds %s', { timeout: 120_000 }, async (mutant) => {
  for (let seed = 1; seed <= SEEDS_MAX; seed++) {
    const { violations } = await simulate(seed, { mutant })
    const [law] = violations
    if (law === undefined) continue
    process.stdout.write(`${mutant}: caught by seed ${seed}: ${law}\n`)
    // The seed is to blame for nothing by itself.
    expect((await simulate(seed)).violations).toEqual([])
    return
  }
  expect.fail(`${mutant} was not caught by ${SEEDS_MAX} seeds`)
})
