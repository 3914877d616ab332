/** Appends over many trails at once, one in flight per trail, against bare publishes by the same client and window. */
import { randomUUID } from 'node:crypto'
import { appender } from './append-event.mjs'
import { bareStream, inWindow, main, median, rate, report, size, withServer } from './harness.mjs'

const ROUNDS = size(5, 2)
const TRAILS = size(128, 8)
const APPENDS = size(4_096, 64)

await main(() =>
  withServer(async ({ swarm, nc }) => {
    const stream = await bareStream(nc, 'BARE')
    const rounds = []
    for (let round = 0; round < ROUNDS; round++) {
      const trails = Array.from({ length: TRAILS }, () => appender(swarm.ports.log, `S-${randomUUID()}`))
      const body = Buffer.alloc(trails[0].bytes, 'x')
      const bareBefore = await publishes(stream, body)
      const ours = await rate(APPENDS, () =>
        Promise.all(
          trails.map(async ({ append }) => {
            for (let i = 0; i < APPENDS / TRAILS; i++) await append()
          }),
        ),
      )
      const bareAfter = await publishes(stream, body)
      rounds.push({ ours_per_s: ours, bare_per_s: (bareBefore + bareAfter) / 2 })
    }
    report('append-many', {
      what: `appends over ${TRAILS} trails at once`,
      bare: 'pipelined JetStream publishes, same client and window',
      limit: { atLeast: 0.6 },
      value: median(rounds.map((round) => round.ours_per_s / round.bare_per_s)),
      unit: 'x',
      ours: `${Math.round(median(rounds.map((round) => round.ours_per_s)))}/s`,
      theirs: `${Math.round(median(rounds.map((round) => round.bare_per_s)))}/s`,
      rounds,
    })
  }),
)

function publishes(stream, body) {
  return rate(APPENDS, () =>
    inWindow(APPENDS, TRAILS, (i) => stream.js.publish(stream.subject(`t${i % TRAILS}`), body)),
  )
}
