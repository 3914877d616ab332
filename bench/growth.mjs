/**
 * Starting and finishing a session with few and with very many finished sessions in the log, beside one JSON file for
 * all of them; and listing the newest of them. The logs stand side by side and take turns, so that the machine's mood
 * is the same for all.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { INDEXES, storeNameOf, VIEWS } from '../dist/projections/names.js'
import { curvesSvg } from './curves.mjs'
import { fillSessions, recordTrail, workflowOf } from './fill.mjs'
import { main, median, quick, report, size, timed, withDirectory, withFilledServer } from './harness.mjs'
import { registryFile } from './registry-file.mjs'
import { server } from './serve.mjs'

const SIZES = size([10, 1_000, 100_000], [4, 8, 16])
const FILE_SIZES = size([10, 100, 1_000, 10_000, 100_000], [4, 8, 16])
const ROUNDS = size(30, 2)
const FILE_ROUNDS = (sessions) => (sessions > 1_000 ? 2 : 10)
const LIST_ROUNDS = size(15, 2)
const NEWEST = 50
const POLL_MS = 100
const SVG = fileURLToPath(new URL('../docs/growth.svg', import.meta.url))
const NAMES = [...Object.values(VIEWS), ...Object.values(INDEXES)].map(storeNameOf)

await main(async () => {
  const files = await measureFiles()
  await withLogs(SIZES, [], async (logs) => {
    const times = await measureSessions(logs)
    growth(times, files)
    memory(logs)
    await list(logs.at(-1))
    for (const { ours } of logs) await ours.close()
  })
})

/** All logs open at once, each with a runner whose views are current. */
async function withLogs([sessions, ...others], logs, work) {
  if (sessions === undefined) return work(logs)
  await withFilledServer(
    async ({ swarm, nc, dir }) => fillSessions(nc, [await recordTrail(swarm, dir, 1)], sessions),
    async ({ swarm, dir, serverPid }) => {
      const ours = await server(swarm, dir, workflowOf('/bin/true', { protocol: 'exit-code' }))
      const caughtUpMs = await timed(() => current(swarm.ports))
      await ours.run()
      await withLogs(others, [...logs, { sessions, swarm, ours, caughtUpMs, serverPid }], work)
    },
  )
}

async function current({ log, views }) {
  const head = await log.head()
  const behind = async () => Math.min(...(await Promise.all(NAMES.map((name) => views.checkpoint(name))))) < head
  while (await behind()) await new Promise((resolve) => setTimeout(resolve, POLL_MS))
}

async function measureSessions(logs) {
  const times = logs.map(() => [])
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, { ours }] of logs.entries()) {
      const { askedAt, events } = await ours.run()
      times[index].push(events.at(-1).at - askedAt)
    }
  }
  return logs.map(({ sessions }, index) => ({ sessions, ms: median(times[index]), all: times[index] }))
}

function measureFiles() {
  return withDirectory(async (dir) => {
    const found = []
    for (const sessions of FILE_SIZES) {
      const registry = await registryFile(dir, sessions)
      const times = []
      for (let i = 0; i < FILE_ROUNDS(sessions); i++) times.push(await timed(() => registry.session(`new-${i}`)))
      found.push({ sessions, ms: median(times) })
    }
    return found
  })
}

function growth(times, files) {
  const [{ all: few }] = times
  const ratios = times.map(({ all }) => median(all.map((ms, index) => ms / few[index])))
  report('growth', {
    what: `start and finish a session: ${SIZES.join(' / ')} finished ones in the log, the worst`,
    bare: `the same with ${SIZES[0]}`,
    limit: { atMost: 1.2 },
    value: Math.max(...ratios),
    unit: 'x',
    ours: times.map(({ ms }) => `${ms.toFixed(1)}`).join(' / ') + ' ms',
    theirs: `one JSON file for all: ${files.map(({ sessions, ms }) => `${ms.toFixed(1)} (${sessions})`).join(', ')} ms`,
    ratios,
    growth: {
      along: 'finished sessions in the log',
      figure: 'ms to start and finish one more, its process included',
      points: times.map(({ sessions, ms }) => [sessions, ms]),
    },
    registry_file_ms: files,
  })
  if (quick) return
  mkdirSync(fileURLToPath(new URL('../docs', import.meta.url)), { recursive: true })
  writeFileSync(
    SVG,
    curvesSvg({
      title: 'To start and finish a session, by what is finished already',
      xLabel: 'finished sessions',
      yLabel: 'milliseconds',
      curves: [
        {
          name: 'swarmtrail: the whole session, its process included',
          colour: '#1a6f4e',
          points: times.map(({ sessions, ms }) => [sessions, ms]),
        },
        {
          name: 'one JSON file: its two changes alone',
          colour: '#b3261e',
          points: files.map(({ sessions, ms }) => [sessions, ms]),
        },
      ],
    }),
  )
}

/** Of nats-server itself, which holds an index of all subjects in memory. Linux. */
function memory(logs) {
  const points = logs.map(({ sessions, serverPid }) => {
    const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${serverPid}/status`, 'utf8'))
    return [sessions, Number(kilobytes) / 1024]
  })
  const [[fewest, least], [most, largest]] = [points[0], points.at(-1)]
  report('server-memory', {
    what: `memory of nats-server a session, ${most} in the log, with views and without artifacts`,
    bare: `the same server with ${fewest}`,
    value: ((largest - least) * 1024) / (most - fewest),
    unit: ' KB',
    ours: `${largest.toFixed(0)} MiB`,
    theirs: `${least.toFixed(0)} MiB`,
    growth: {
      along: 'finished sessions in the log',
      figure: 'MiB of memory of nats-server, without artifacts',
      points,
    },
  })
}

async function list({ sessions, swarm, caughtUpMs }) {
  const [{ session_id: key }] = await swarm.list({ limit: 1 })
  const ours = []
  const bare = []
  for (let round = 0; round < LIST_ROUNDS; round++) {
    bare.push(await timed(() => swarm.ports.views.get(storeNameOf(VIEWS.registry), key)))
    ours.push(await timed(() => swarm.list({ limit: NEWEST })))
  }
  report('ps', {
    what: `the newest ${NEWEST} of ${sessions} sessions, beyond`,
    bare: 'one KV read',
    limit: { atMost: 150 },
    value: median(ours) - median(bare),
    unit: ' ms',
    ours: `${median(ours).toFixed(1)} ms`,
    theirs: `${median(bare).toFixed(2)} ms`,
    events: await swarm.ports.log.head(),
    views_caught_up_after_s: caughtUpMs / 1000,
  })
}
