/** `npm run sim -- --seeds 20000 [--from 1] [--mutant NAME]`: as many seeds of the simulation as asked for. */
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    mutant: { type: 'string' },
  },
})

const settings = {
  SWARMTRAIL_SIM_SEEDS: values.seeds,
  SWARMTRAIL_SIM_FROM: values.from,
  ...(values.seed === undefined ? {} : { SWARMTRAIL_SIM_SEED: values.seed }),
  ...(values.mutant === undefined ? {} : { SWARMTRAIL_SIM_MUTANT: values.mutant }),
}
const run = spawnSync('npx', ['vitest', 'run', 'test/simulation/seeds.test.ts', '-t', 'every law', '--silent=false'], {
  stdio: 'inherit',
  env: { ...process.env, ...settings },
})
process.exitCode = run.status ?? 1
