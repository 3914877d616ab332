/** Decoding and folding one long trail against reading its messages bare. */
import { loadTrail } from '../dist/runtime/trail.js'
import { fillSessions, longTrail, recordTrail } from './fill.mjs'
import { main, median, rate, readBare, report, size, withFilledServer } from './harness.mjs'

const ROUNDS = size(7, 2)
const EVENTS = size(10_000, 60)

await main(() =>
  withFilledServer(
    async ({ swarm, nc, dir }) => {
      const trail = longTrail(await recordTrail(swarm, dir, 3), EVENTS)
      return fillSessions(nc, [trail], 1)
    },
    async ({ swarm, nc, filled }) => {
      const { events, ids } = filled
      const rounds = []
      for (let round = 0; round < ROUNDS; round++) {
        const bare = await rate(events, () => readBare(nc, 'SWARM_default', `swarm.default.event.${ids[0]}.*`))
        const ours = await rate(events, () => loadTrail(swarm.ports.log, ids[0]))
        rounds.push({ ours_per_s: ours, bare_per_s: bare })
      }
      report('replay', {
        what: `decode and fold one trail of ${events} events`,
        bare: 'ordered consumer over the same messages',
        limit: { atLeast: 0.5 },
        value: median(rounds.map((round) => round.ours_per_s / round.bare_per_s)),
        unit: 'x',
        ours: `${Math.round(median(rounds.map((round) => round.ours_per_s)))}/s`,
        theirs: `${Math.round(median(rounds.map((round) => round.bare_per_s)))}/s`,
        rounds,
      })
    },
  ),
)
