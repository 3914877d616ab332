/** The runner of alive.mjs, in a process of its own so that its memory is its own. */
import { openEmbeddedSwarm } from '../dist/index.js'
import { workflowOf } from './fill.mjs'
import { server } from './serve.mjs'
import { dirname } from 'node:path'

const [dir, sessions, stallMs] = process.argv.slice(2)
const STARTS_AT_ONCE = 16
const STALLERS = 3

const swarm = await openEmbeddedSwarm({ dir })
const waiting = await server(swarm, dirname(dir), workflowOf('exec sleep 3600', { protocol: 'exit-code' }), {
  capacity: Number(sessions),
})
const warm = await waiting.runner.run({ task: 'warm up' })
await spawned(waiting, warm.sessionId)
await swarm.stop(warm.sessionId)
await waiting.sessionOf(warm.sessionId).closed.promise

const idle = settledMemory()
const began = performance.now()
const ids = []
let left = Number(sessions)
await Promise.all(
  Array.from({ length: STARTS_AT_ONCE }, async () => {
    while (left-- > 0) {
      const started = await waiting.runner.run({ task: 'wait' })
      ids.push(started.sessionId)
      await spawned(waiting, started.sessionId)
    }
  }),
)
const aliveAfterMs = performance.now() - began
for (const id of ids) waiting.sessionOf(id).events.length = 0
const alive = settledMemory()

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

async function spawned(serving, id) {
  const session = serving.sessionOf(id)
  while (!session.events.some(({ type }) => type === 'turn.spawned'))
    await new Promise((resolve) => setTimeout(resolve, 5))
}

function settledMemory() {
  for (let i = 0; i < 4; i++) globalThis.gc()
  return process.memoryUsage()
}
