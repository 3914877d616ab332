/** All views and indexes caught up from nothing, stored, against reading the same log bare. */
import { existsSync, readFileSync } from 'node:fs'
import { jetstreamManager, PersistMode } from '@nats-io/jetstream'
import { INDEXES, storeNameOf, VIEWS } from '../dist/projections/names.js'
import { project } from '../dist/runtime/projector.js'
import { fillMixed } from './fill.mjs'
import { main, median, rate, readBare, report, size, withFilledServer } from './harness.mjs'

const ROUNDS = size(3, 1)
const SESSIONS = size(10_000, 12)
const POLL_MS = 50
/** In `/proc/PID/stat`, counted behind the program's name. */
const USER_TICKS = 11
const SYSTEM_TICKS = 12
const MS_PER_TICK = 10
const WRITTEN_AT_ONCE = 500
const NAMES = [...Object.values(VIEWS), ...Object.values(INDEXES)].map(storeNameOf)

await main(() =>
  withFilledServer(
    (given) => fillMixed(given, SESSIONS),
    async ({ swarm, nc, serverPid }) => {
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
      const bare = await passBare(nc, ports, events, serverPid)
      report('views', {
        what: `${NAMES.length} views from zero over ${events} events of ${SESSIONS} sessions, stored`,
        bare: 'ordered consumer over the same messages',
        limit: { atLeast: 0.35 },
        value: median(rounds.map((round) => round.ours_per_s / round.bare_per_s)),
        unit: 'x',
        ours: `${Math.round(median(rounds.map((round) => round.ours_per_s)))}/s`,
        theirs: `${Math.round(median(rounds.map((round) => round.bare_per_s)))}/s`,
        documents: bare.documents,
        documents_mib: bare.mib,
        floor: bare.perSecond / median(rounds.map((round) => round.bare_per_s)),
        floor_cores: bare.cores,
        rss_peak_mib: Math.max(...rounds.map((round) => round.rss_peak_mib)),
        rounds,
      })
    },
  ),
)

/**
 * What is left when nothing is checked, sorted, folded or expected: every event read and parsed, and side by side with
 * that the documents that all views hold, which are there already, made JSON and published to a stream of the same kind.
 */
async function passBare(nc, ports, events, serverPid) {
  const documents = []
  for (const name of NAMES)
    for await (const { position, document } of ports.views.list(name)) documents.push({ position, document })
  const manager = await jetstreamManager(nc)
  await manager.streams.add({
    name: 'DOCUMENTS',
    subjects: ['documents.>'],
    max_msgs_per_subject: 1,
    allow_direct: true,
    persist_mode: PersistMode.Async,
  })
  let bytes = 0
  const text = new TextDecoder()
  const began = { own: process.cpuUsage(), server: cpuMs(serverPid) }
  const perSecond = await rate(events, () =>
    Promise.all([readBare(nc, 'SWARM_default', undefined, (data) => JSON.parse(text.decode(data))), write()]),
  )
  const { user, system } = process.cpuUsage(began.own)
  const busyMs = (user + system) / 1_000 + cpuMs(serverPid) - began.server
  const cores = busyMs / ((events / perSecond) * 1_000)
  return { perSecond, cores, documents: documents.length, mib: bytes / 2 ** 20 }

  async function write() {
    for (let at = 0; at < documents.length; at += WRITTEN_AT_ONCE) {
      const row = documents.slice(at, at + WRITTEN_AT_ONCE).map((document) => Buffer.from(JSON.stringify(document)))
      for (const body of row) bytes += body.length
      for (const [index, body] of row.slice(0, -1).entries()) nc.publish(`documents.${at + index}`, body)
      // Answered once all before it are stored, as one connection is served in order.
      await nc.request(`documents.${at + row.length}`, row.at(-1), { timeout: 30_000 })
    }
  }
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

/** Of all threads of a process since it began; 0 where the system doesn't tell. */
function cpuMs(pid) {
  const stat = `/proc/${pid}/stat`
  if (!existsSync(stat)) return 0
  const fields = readFileSync(stat, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return (Number(fields[USER_TICKS]) + Number(fields[SYSTEM_TICKS])) * MS_PER_TICK
}

function rssMiB() {
  return process.memoryUsage.rss() / 2 ** 20
}
