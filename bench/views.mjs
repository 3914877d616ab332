/** All views and indexes caught up from nothing, stored, against reading the same log bare. */
import { jetstreamManager, PersistMode } from '@nats-io/jetstream'
import { INDEXES, storeNameOf, VIEWS } from '../dist/projections/names.js'
import { project } from '../dist/runtime/projector.js'
import { fillMixed } from './fill.mjs'
import { main, median, rate, readBare, report, size, withFilledServer } from './harness.mjs'

const ROUNDS = size(3, 1)
const SESSIONS = size(10_000, 12)
const POLL_MS = 50
const WRITTEN_AT_ONCE = 500
const NAMES = [...Object.values(VIEWS), ...Object.values(INDEXES)].map(storeNameOf)

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
      const written = await writeBare(nc, ports)
      report('views', {
        what: `${NAMES.length} views from zero over ${events} events of ${SESSIONS} sessions, stored`,
        bare: 'ordered consumer over the same messages',
        limit: { atLeast: 0.35 },
        value: median(rounds.map((round) => round.ours_per_s / round.bare_per_s)),
        unit: 'x',
        ours: `${Math.round(median(rounds.map((round) => round.ours_per_s)))}/s`,
        theirs: `${Math.round(median(rounds.map((round) => round.bare_per_s)))}/s`,
        documents: written.documents,
        documents_mib: written.mib,
        // Reading the events bare and writing the same documents bare, with nothing in between.
        floor: 1 / (1 + median(rounds.map((round) => round.bare_per_s)) / (events / written.seconds)),
        rss_peak_mib: Math.max(...rounds.map((round) => round.rss_peak_mib)),
        rounds,
      })
    },
  ),
)

/** The documents that all views hold, already made, written by bare publishes to a stream of the same kind. */
async function writeBare(nc, ports) {
  const bodies = []
  for (const name of NAMES)
    for await (const { position, document } of ports.views.list(name))
      bodies.push(JSON.stringify({ position, document }))
  const manager = await jetstreamManager(nc)
  await manager.streams.add({
    name: 'DOCUMENTS',
    subjects: ['documents.>'],
    max_msgs_per_subject: 1,
    allow_direct: true,
    persist_mode: PersistMode.Async,
  })
  const startedAt = performance.now()
  for (let at = 0; at < bodies.length; at += WRITTEN_AT_ONCE) {
    const row = bodies.slice(at, at + WRITTEN_AT_ONCE)
    for (const [index, body] of row.slice(0, -1).entries()) nc.publish(`documents.${at + index}`, body)
    // Answered once all before it are stored, as one connection is served in order.
    await nc.request(`documents.${at + row.length}`, row.at(-1), { timeout: 30_000 })
  }
  const seconds = (performance.now() - startedAt) / 1_000
  const mib = bodies.reduce((sum, body) => sum + Buffer.byteLength(body), 0) / 2 ** 20
  return { seconds, documents: bodies.length, mib }
}

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
