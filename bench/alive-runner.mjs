/** The runner of alive.mjs, in a process of its own so that its memory is its own. */
import { openEmbeddedSwarm } from '../dist/index.js'
import { workflowOf } from './fill.mjs'
import { server } from './serve.mjs'
import { dirname } from 'node:path'

const [dir, sessions, stallMs] = process.argv.slice(2)
const STARTS_AT_ONCE = 16
const STALLERS = 3
const WARM_UP = 64

const swarm = await openEmbeddedSwarm({ dir })
const waiting = await server(swarm, dirname(dir), workflowOf('exec sleep 3600', { protocol: 'exit-code' }), {
  capacity: Number(sessions),
})
// An idle runner is one that has worked before: what that leaves is not any session's.
const earlier = await startMany(Math.min(Number(sessions), WARM_UP))
await Promise.all(earlier.map((id) => swarm.stop(id)))
await Promise.all(earlier.map((id) => waiting.sessionOf(id).closed.promise))
for (const id of earlier) waiting.sessionOf(id).events.length = 0

const idle = await settledMemory()
const began = performance.now()
const ids = await startMany(Number(sessions))
const aliveAfterMs = performance.now() - began
for (const id of ids) waiting.sessionOf(id).events.length = 0
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
  idleRss: idle.rss,
  aliveRss: alive.rss,
  idleHeap: idle.heapUsed,
  aliveHeap: alive.heapUsed,
  aliveAfterMs,
  lateMs,
})
await waiting.runner.kill()
await swarm.close()
process.exit(0)

async function startMany(count) {
  const ids = []
  let left = count
  await Promise.all(
    Array.from({ length: STARTS_AT_ONCE }, async () => {
      while (left-- > 0) {
        const { sessionId } = await waiting.runner.run({ task: 'wait' })
        ids.push(sessionId)
        await spawned(waiting, sessionId)
      }
    }),
  )
  return ids
}

async function spawned(serving, id) {
  const session = serving.sessionOf(id)
  while (!session.events.some(({ type }) => type === 'turn.spawned'))
    await new Promise((resolve) => setTimeout(resolve, 5))
}

/** What is finalized by one collection is freed by the next. */
async function settledMemory() {
  for (let i = 0; i < 6; i++) {
    globalThis.gc()
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return process.memoryUsage()
}
