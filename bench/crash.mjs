/** From SIGKILL of a runner in the middle of a turn to the next turn's process, started by a runner that starts at once. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { workflowOf } from './fill.mjs'
import { main, median, percentile, report, size, withServer } from './harness.mjs'
import { endRunner, startRunner } from './runner-process.mjs'

const ROUNDS = size(7, 1)
/** What Restate needs on a machine like this, measured earlier; half a second of it is its retry delay. */
const RESTATE_S = 0.65

await main(() =>
  withServer(async ({ dir, swarm }) => {
    const workflow = join(dir, 'crash.md')
    const backoff = 'liveness:\n  initial_backoff_ms: 0\n  max_retry_backoff_ms: 0\n'
    writeFileSync(workflow, workflowOf('exec sleep 3600', { protocol: 'exit-code', extra: backoff }))
    const times = []
    const starts = []
    for (let round = 0; round < ROUNDS; round++) {
      const life = new AbortController()
      const first = startRunner(join(dir, '.swarmtrail'), workflow)
      await first.ready
      const { sessionId } = await swarm.start({ task: 'survive' })
      const spawns = swarm.events({ sessionId, from: 'start', types: ['turn.spawned'], signal: life.signal })
      await spawns.next()
      const killedAt = performance.now()
      first.child.kill('SIGKILL')
      const second = startRunner(join(dir, '.swarmtrail'), workflow)
      const ready = second.ready.then(() => performance.now() - killedAt)
      await spawns.next()
      times.push((performance.now() - killedAt) / 1000)
      starts.push((await ready) / 1000)
      life.abort()
      await swarm.stop(sessionId)
      await swarm.wait(sessionId)
      for await (const _ of swarm.events({ sessionId, from: 'start', until: 'closed' })) continue
      await endRunner(second)
    }
    report('crash', {
      what: 'SIGKILL of the runner to the next turn, the lost command ended first',
      bare: 'Restate (published here earlier; runs the lost command twice)',
      limit: { atMost: RESTATE_S },
      value: median(times),
      unit: ' s',
      ours: `${median(times).toFixed(2)} s (worst ${percentile(times, 1).toFixed(2)})`,
      theirs: `${RESTATE_S} s`,
      runner_start_s: median(starts),
    })
  }),
)
