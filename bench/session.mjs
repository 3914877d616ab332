/** Whole short sessions, one after the other in one process: where the time between their events goes. */
import { workflowOf } from './fill.mjs'
import { main, median, percentile, report, size, withServer } from './harness.mjs'
import { server } from './serve.mjs'
import { spawnBare } from './spawn-bare.mjs'

const SESSIONS = size(200, 4)

/** Which work lies before each event. */
const WORK = {
  'session.claimed': 'lease and claim',
  'session.started': 'workflow read, prompt rendered once',
  'workspace.created': 'workspace made',
  'turn.started': 'context, prompt and files of the turn',
  'turn.spawned': 'process started',
  'turn.exited': 'process run, output and prompt stored',
  'turn.completed': 'answer judged',
  'session.completed': 'outcome recorded',
  'workspace.captured': 'work captured',
  'workspace.removed': 'workspace removed',
  'session.closed': 'closed',
}

await main(() =>
  withServer(async ({ swarm, dir }) => {
    const ours = await server(swarm, dir, workflowOf('/bin/true', { protocol: 'exit-code' }))
    await ours.run()
    const spawns = []
    const totals = []
    const parts = new Map([['start recorded', []]])
    for (let i = 0; i < SESSIONS; i++) {
      spawns.push(await spawnBare('/bin/true'))
      const { askedAt, acknowledgedAt, events } = await ours.run()
      parts.get('start recorded').push(acknowledgedAt - askedAt)
      let before = acknowledgedAt
      for (const { type, at } of events) {
        const part = WORK[type] ?? type
        if (!parts.has(part)) parts.set(part, [])
        parts.get(part).push(Math.max(0, at - before))
        before = at
      }
      totals.push(before - askedAt)
    }
    await ours.close()
    report('session', {
      what: 'whole session of one turn, p50',
      bare: 'spawn of the same command',
      value: median(totals),
      unit: ' ms',
      ours: `${median(totals).toFixed(2)} ms (p99 ${percentile(totals, 0.99).toFixed(1)})`,
      theirs: `${median(spawns).toFixed(2)} ms`,
      breakdown_p50_ms: Object.fromEntries([...parts].map(([part, times]) => [part, median(times)])),
    })
  }),
)
