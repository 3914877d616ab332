/** Not drawn but enumerated: a runner dies before and after each single append and effect of a short script. */
import { expect, it } from 'vitest'
import type { Behaviour } from './agents.ts'
import { noFaults } from './faults.ts'
import { reportOf } from './report.ts'
import { configOf, type Scenario } from './scenario.ts'
import { simulate, type Options, type Simulation } from './simulate.ts'

/** What has nothing to do with the session: leases kept, views projected. */
const ASIDE = /^(renew|lease|release|view|views|put \d+ of|checkpoint of|holder of|evict) /
const SEED = 1

const ends = (response: object | null, exitCode = 0): Behaviour => ({
  outputs: [{ afterMs: 10, text: 'working\n' }],
  endsAfterMs: 1_200,
  exitCode,
  response: response === null ? null : JSON.stringify(response),
  changes: 'work.txt',
  ignoresTerm: false,
})
const hangs: Behaviour = { ...ends(null), endsAfterMs: null, ignoresTerm: true }
const hook: Behaviour = { ...ends(null), endsAfterMs: 30, changes: null }

const calm = {
  faults: noFaults,
  sharedDisk: true,
  capacity: 1,
  leaseTtlMs: 1_000,
  sessions: 1,
  clients: 1,
  meddling: false,
  stopAfterMs: null,
  chaosMs: 100,
  accidents: 0,
}
const hooks = { after_create: 'a', before_run: 'b', after_run: 'c', before_remove: 'd' }
const liveness = { stall_window_ms: 1_500, max_stall_restarts: 3, initial_backoff_ms: 500, max_retry_backoff_ms: 500 }
const workspace = { root: '/w', source: 'copy' as const }

/** Hooks, two turns, two tools, a check before and one after. */
const whole = (hosts: string[]): Scenario => ({
  ...calm,
  faults: noFaults(),
  hosts,
  config: configOf({ hooks, liveness, workspace, autonomy: { before_run: ['e'], stop: ['f'] } }),
  behaviour: (command, turn) => {
    if (command !== 'agent') return hook
    const tool_calls = [
      { name: 'probe', input: {} },
      { name: 'command', input: {} },
    ]
    return ends(turn === 1 ? { status: 'continue', summary: 'half', tool_calls } : { status: 'done', summary: 'all' })
  },
})

/** A turn that stalls, another that hangs, and a stop in the middle of it. */
const stopped = (hosts: string[]): Scenario => ({
  ...calm,
  faults: noFaults(),
  hosts,
  stopAfterMs: 5_000,
  config: configOf({ hooks, liveness, workspace, executor: { turn_timeout_ms: 60_000, max_turns: 9 } }),
  behaviour: (command) => (command === 'agent' ? hangs : hook),
})

/** Runs the script with a crash at the n-th point; null: with none. Counts the points. */
async function crashAt(scenario: Scenario, n: number | null): Promise<{ simulation: Simulation; points: number }> {
  let points = 0
  const crashHere: Options['crashHere'] = ({ what }) => {
    if (ASIDE.test(what)) return false
    points++
    return points === n
  }
  return { simulation: await simulate(SEED, { scenario, crashHere }), points }
}

const scripts = [
  { name: 'hooks, turns, tools and checks', script: whole, outcome: 'completed' },
  { name: 'a stall and a stop', script: stopped, outcome: 'stopped' },
]
const places = [
  { where: 'and starts again on its host', hosts: ['h1'] },
  { where: 'while a runner on another host waits', hosts: ['h1', 'h2'] },
]

it.each(scripts.flatMap((script) => places.map((place) => ({ ...script, ...place }))))(
  '$name: the runner dies at each point, $where',
  { timeout: 120_000 },
  async ({ script, hosts, outcome }) => {
    const { points } = await crashAt(script(hosts), null)
    expect(points).toBeGreaterThan(60)
    for (let n = 1; n <= points; n++) {
      const { simulation } = await crashAt(script(hosts), n)
      if (simulation.violations.length > 0) throw new Error(`point ${n} of ${points}\n${reportOf(simulation)}`)
      expect({ n, outcomes: simulation.outcomes }).toEqual({ n, outcomes: [outcome] })
    }
    process.stdout.write(`${points} points\n`)
  },
)
