/** What the simulation is worth: each known way to get it wrong is found within a bounded number of seeds. */
import { expect, it } from 'vitest'
import { MUTANTS, type Mutant } from './mutants.ts'
import { simulate } from './simulate.ts'

const SEEDS_MAX = 100

async function caughtBy(mutant: Mutant): Promise<{ seed: number; law: string } | null> {
  for (let seed = 1; seed <= SEEDS_MAX; seed++) {
    const [law] = (await simulate(seed, { mutant })).violations
    if (law !== undefined) return { seed, law }
  }
  return null
}

it.each(MUTANTS)('finds %s', { timeout: 120_000 }, async (mutant) => {
  const caught = await caughtBy(mutant)
  process.stdout.write(`${mutant}: caught by seed ${caught?.seed}: ${caught?.law}\n`)
  expect(caught).not.toBeNull()
  // The seed by itself is to blame for nothing.
  expect((await simulate(caught?.seed ?? 1)).violations).toEqual([])
})
