/** Appending one event to one trail, one after the other: validated, hashed, under an expected version, durable. */
import { randomUUID } from 'node:crypto'
import { appender } from './append-event.mjs'
import { bareStream, main, median, percentile, report, size, timed, withServer } from './harness.mjs'

const ROUNDS = size(7, 2)
const APPENDS = size(400, 10)

await main(() =>
  withServer(async ({ swarm, nc }) => {
    const stream = await bareStream(nc, 'BARE')
    const rounds = []
    for (let round = 0; round < ROUNDS; round++) {
      const trail = `S-${randomUUID()}`
      const { append, bytes } = appender(swarm.ports.log, trail)
      const body = Buffer.alloc(bytes, 'x')
      const ours = []
      const bare = []
      for (let i = 0; i < APPENDS; i++) {
        ours.push(await timed(append))
        bare.push(await timed(() => stream.js.publish(stream.subject(trail), body)))
      }
      rounds.push({
        bytes,
        ours_p50_ms: median(ours),
        ours_p99_ms: percentile(ours, 0.99),
        bare_p50_ms: median(bare),
        bare_p99_ms: percentile(bare, 0.99),
      })
    }
    report('append', {
      what: 'append one event to one trail, p50',
      bare: 'JetStream publish of the same size',
      limit: { atMost: 1.3 },
      value: median(rounds.map((round) => round.ours_p50_ms / round.bare_p50_ms)),
      unit: 'x',
      ours: `${median(rounds.map((round) => round.ours_p50_ms)).toFixed(3)} ms`,
      theirs: `${median(rounds.map((round) => round.bare_p50_ms)).toFixed(3)} ms`,
      rounds,
    })
  }),
)
