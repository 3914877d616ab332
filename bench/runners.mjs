/** Many short sessions, handed out by one coordinator to one to four runner processes on one server. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { workflowOf } from './fill.mjs'
import { inWindow, main, median, rate, report, size, withServer } from './harness.mjs'
import { endRunner, startRunner } from './runner-process.mjs'
import { spawnBare } from './spawn-bare.mjs'

const ROUNDS = size(3, 1)
const RUNNERS = size([1, 2, 3, 4], [1, 2])
const SESSIONS = size(200, 4)
const CAPACITY = 4
const STARTS_AT_ONCE = 32

await main(() =>
  withServer(async ({ dir, swarm }) => {
    const workflow = join(dir, 'runners.md')
    writeFileSync(workflow, workflowOf('/bin/true', { protocol: 'exit-code' }))
    const rounds = []
    // The numbers of runners take turns, so that the machine's mood is the same for all.
    for (let round = 0; round < ROUNDS; round++) {
      const bare = await rate(SESSIONS, () => inWindow(SESSIONS, CAPACITY, () => spawnBare('/bin/true')))
      const found = []
      for (const count of RUNNERS) found.push(await withRunners(dir, workflow, count, (given) => served(swarm, given)))
      rounds.push({ bare_per_s: bare, per_s: found.map(({ perSecond }) => perSecond), shares: found.map(sharesOf) })
    }
    const perSecond = RUNNERS.map((_, index) => median(rounds.map((round) => round.per_s[index])))
    report('runners', {
      what: `short sessions a second, ${RUNNERS.join(' / ')} runner processes of capacity ${CAPACITY}, the best`,
      bare: `spawns of the same command, ${CAPACITY} at once`,
      value: Math.max(...perSecond),
      unit: '/s',
      ours: `${perSecond.map((value) => value.toFixed(0)).join(' / ')} sessions/s`,
      theirs: `${median(rounds.map((round) => round.bare_per_s)).toFixed(0)} spawns/s`,
      growth: {
        along: 'runner processes on one server',
        figure: 'short sessions a second',
        points: RUNNERS.map((count, index) => [count, perSecond[index]]),
      },
      rounds,
    })
  }),
)

/** Each has served a session before the work begins: what is loaded and compiled then is loaded. */
async function withRunners(dir, workflow, count, work) {
  const runners = Array.from({ length: count }, () => startRunner(join(dir, '.swarmtrail'), workflow, CAPACITY))
  await Promise.all(runners.map(({ ready }) => ready))
  await work({ warmUp: true })
  const result = await work()
  await Promise.all(runners.map(endRunner))
  return result
}

/** From the first request to the last session's end, as a coordinator sees it on one subscription. */
async function served(swarm, { warmUp = false } = {}) {
  const sessions = warmUp ? CAPACITY * RUNNERS.length * 2 : SESSIONS
  const life = new AbortController()
  const from = await swarm.ports.log.head()
  const began = performance.now()
  const starting = inWindow(sessions, STARTS_AT_ONCE, async () => {
    const started = await swarm.start({ task: 'measure' })
    if (!started.ok) throw new Error(started.message)
  })
  const claims = new Map()
  let open = sessions
  const types = ['session.claimed', 'session.closed']
  for await (const { type, data } of swarm.events({ from, types, signal: life.signal })) {
    if (type === 'session.claimed') claims.set(data.runner_id, (claims.get(data.runner_id) ?? 0) + 1)
    else if (--open === 0) life.abort()
  }
  const perSecond = (sessions / (performance.now() - began)) * 1000
  await starting
  return { perSecond, claims }
}

/** How the sessions were shared out among the runners, in per cent, the largest first. */
function sharesOf({ claims }) {
  return [...claims.values()].map((count) => Math.round((count / SESSIONS) * 100)).toSorted((a, b) => b - a)
}
