/** What a failing seed prints: what was broken, how it came to that, and how to see it again. */
import type { Mutant } from './mutants.ts'
import type { Simulation } from './simulate.ts'

const TRACE_LINES_MAX = 120

export function reportOf({ seed, violations, trace }: Simulation, mutant: Mutant | null = null): string {
  const shown = trace.slice(-TRACE_LINES_MAX)
  return [
    `seed ${seed} breaks:`,
    ...violations.map((law) => `  ${law}`),
    `the last ${shown.length} of ${trace.length} lines of its trace (virtual ms, who, what):`,
    ...shown,
    `replay it alone with its whole trace: SWARMTRAIL_SIM_SEED=${seed}${mutant === null ? '' : ` SWARMTRAIL_SIM_MUTANT=${mutant}`} npx vitest run test/simulation/seeds.test.ts`,
  ].join('\n')
}
