/** Proving every hash, link, schema and transition of a whole log against reading it bare. */
import { verifyLog } from '../dist/runtime/verify-history.js'
import { fillMixed } from './fill.mjs'
import { main, median, rate, readBare, report, size, withFilledServer } from './harness.mjs'

const ROUNDS = size(3, 1)
const SESSIONS = size(10_000, 12)

await main(() =>
  withFilledServer(
    (given) => fillMixed(given, SESSIONS),
    async ({ swarm, nc }) => {
      const events = await swarm.ports.log.head()
      const rounds = []
      for (let round = 0; round < ROUNDS; round++) {
        const bare = await rate(events, () => readBare(nc, 'SWARM_default'))
        const ours = await rate(events, async () => {
          const { ok } = await verifyLog(swarm.ports)
          if (!ok) throw new Error('the history is not sound')
        })
        rounds.push({ ours_per_s: ours, bare_per_s: bare })
      }
      report('verify', {
        what: `verify ${events} events of ${SESSIONS} sessions`,
        bare: 'ordered consumer over the same messages',
        limit: { atLeast: 0.25 },
        value: median(rounds.map((round) => round.ours_per_s / round.bare_per_s)),
        unit: 'x',
        ours: `${Math.round(median(rounds.map((round) => round.ours_per_s)))}/s`,
        theirs: `${Math.round(median(rounds.map((round) => round.bare_per_s)))}/s`,
        rss_mib: process.memoryUsage().rss / 2 ** 20,
        rounds,
      })
    },
  ),
)
