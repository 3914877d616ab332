/** All views and indexes caught up from nothing, stored, against reading the same log bare. */
import { indexes, projections } from '../dist/projections/catalog.js'
import { project } from '../dist/runtime/projector.js'
import { storeNameOf } from '../dist/runtime/views.js'
import { fillMixed } from './fill.mjs'
import { main, median, rate, readBare, report, size, withFilledServer } from './harness.mjs'

const ROUNDS = size(3, 1)
const SESSIONS = size(10_000, 12)
const POLL_MS = 50
const NAMES = [...Object.values(projections), ...Object.values(indexes)].map(storeNameOf)

await main(() =>
  withFilledServer(
    (given) => fillMixed(given, SESSIONS),
    async ({ swarm, nc }) => {
      const { ports } = swarm
      const events = await ports.log.head()
      const rounds = []
      for (let round = 0; round < ROUNDS; round++) {
        const bare = await rate(events, () => readBare(nc, 'SWARM_default'))
        for (const name of NAMES) await ports.views.clear(name)
        const before = rssMiB()
        let peak = before
        const ours = await rate(events, () => projectAll(ports, events, () => (peak = Math.max(peak, rssMiB()))))
        rounds.push({ ours_per_s: ours, bare_per_s: bare, rss_before_mib: before, rss_peak_mib: peak })
      }
      report('views', {
        what: `${NAMES.length} views from zero over ${events} events of ${SESSIONS} sessions, stored`,
        bare: 'ordered consumer over the same messages',
        limit: { atLeast: 0.35 },
        value: median(rounds.map((round) => round.ours_per_s / round.bare_per_s)),
        unit: 'x',
        ours: `${Math.round(median(rounds.map((round) => round.ours_per_s)))}/s`,
        theirs: `${Math.round(median(rounds.map((round) => round.bare_per_s)))}/s`,
        rss_peak_mib: Math.max(...rounds.map((round) => round.rss_peak_mib)),
        rounds,
      })
    },
  ),
)

/** Until every view's stored checkpoint is at the log's end. */
async function projectAll(ports, head, watch) {
  const life = new AbortController()
  const projecting = project(ports, life.signal)
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    watch()
    const positions = await Promise.all(NAMES.map((name) => ports.views.checkpoint(name)))
    if (Math.min(...positions) >= head) break
  }
  life.abort()
  await projecting
}

function rssMiB() {
  return process.memoryUsage.rss() / 2 ** 20
}
