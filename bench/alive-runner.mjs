/** The runner of alive.mjs, in a process of its own so that its memory is its own. */
import { randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createRunner, openEmbeddedSwarm } from '../dist/index.js'
import { workflowOf } from './fill.mjs'
import { inWindow } from './harness.mjs'
import { server } from './serve.mjs'

const [dir, sessions, stallMs] = process.argv.slice(2)
const STARTS_AT_ONCE = 16
const STALLERS = 3
const WARM_UP = Math.min(64, Number(sessions))

const swarm = await openEmbeddedSwarm({ dir })
const workflow = join(dir, 'waiting.md')
writeFileSync(workflow, workflowOf('exec sleep 3600', { protocol: 'exit-code' }))
// Kept is only who waits for what: what the sessions' events take is not for us to add to the runner's memory.
const spawned = new Map()
const ended = new Map()
const waiting = await createRunner({
  swarm,
  workflow,
  sourceDir: dirname(dir),
  capacity: Number(sessions),
  only: [],
  hooks: {
    onEvent: ({ type, subject }) => type === 'turn.spawned' && told(spawned, subject),
    onEnd: (id) => told(ended, id),
  },
})
await startAndStop()
const fresh = await settledMemory()
// An idle runner is one that has worked before at this pace: by then the engine's young generation and the buffers of
// its connection have grown as far as they do, whatever the number of sessions. Beside the bar stands the figure that
// counts all that to the sessions.
await inWindow(WARM_UP, STARTS_AT_ONCE, startAndStop)

const idle = await settledMemory()
const began = performance.now()
const half = Math.floor(Number(sessions) / 2)
await inWindow(half, STARTS_AT_ONCE, startOne)
const halfAlive = await settledMemory()
await inWindow(Number(sessions) - half, STARTS_AT_ONCE, startOne)
const aliveAfterMs = performance.now() - began
const alive = await settledMemory()

const stalling = await server(
  swarm,
  dirname(dir),
  workflowOf('exec sleep 3600', {
    protocol: 'exit-code',
    extra: `liveness:\n  stall_window_ms: ${stallMs}\n  max_stall_restarts: 0\n`,
  }),
  { capacity: STALLERS },
)
const lateMs = await Promise.all(
  Array.from({ length: STALLERS }, async () => {
    const { events } = await stalling.run()
    const { duration_ms } = events.find((event) => event.type === 'turn.stalled').event.data
    return duration_ms - Number(stallMs)
  }),
)
await stalling.close()
process.send({
  freshRss: fresh.rss,
  idleRss: idle.rss,
  halfRss: halfAlive.rss,
  aliveRss: alive.rss,
  idleHeap: idle.heapUsed,
  aliveHeap: alive.heapUsed,
  aliveAfterMs,
  lateMs,
})
await waiting.kill()
await swarm.close()
process.exit(0)

/** Resolves with the session's id once its executor waits. */
async function startOne() {
  const id = randomUUID()
  const isSpawned = until(spawned, id)
  const started = await waiting.run({ session_id: id, task: 'wait' })
  if (!started.ok) throw new Error(started.message)
  await isSpawned
  return id
}

async function startAndStop() {
  const id = await startOne()
  const isEnded = until(ended, id)
  await swarm.stop(id)
  await isEnded
}

function until(waiters, id) {
  return new Promise((resolve) => waiters.set(id, resolve))
}

function told(waiters, id) {
  waiters.get(id)?.()
  waiters.delete(id)
}

/** After a while of rest, in which the views take in the last start; what one collection finalizes the next one frees. */
async function settledMemory() {
  for (let i = 0; i < 12; i++) {
    globalThis.gc()
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  const { rss, heapUsed } = process.memoryUsage()
  return { rss: rss + launchersRss(), heapUsed }
}

/** The small processes that start the executors are part of a runner. Linux. */
function launchersRss() {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ')
  const launchers = children.filter((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('swarmtrail launcher'),
  )
  const kib = (pid) => Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1])
  if (launchers.length === 0) throw new Error('no launcher was found')
  return launchers.reduce((sum, pid) => sum + kib(pid) * 1024, 0)
}
