/** Appending one event to one trail, one after the other: validated, hashed, under an expected version, durable. */
import { createHash, randomUUID } from 'node:crypto'
import { sealEvent } from '../dist/events/hash-chain.js'
import { NO_HASH } from '../dist/events/envelope.js'
import { bareStream, median, percentile, report, timed, withServer } from './harness.mjs'

const ROUNDS = 5
const APPENDS = 400
const sha256 = (text) => createHash('sha256').update(text).digest('hex')

await withServer(async ({ swarm, nc }) => {
  const stream = await bareStream(nc, 'BARE_APPEND')
  const { log } = swarm.ports
  const rounds = []
  for (let round = 0; round < ROUNDS; round++) {
    const trail = `S${round}-${randomUUID()}`.slice(0, 40)
    let prevHash = NO_HASH
    let version = 0
    const ours = []
    let bytes = 0
    for (let i = 0; i < APPENDS; i++) {
      ours.push(
        await timed(async () => {
          const fact = { type: 'turn.progressed', data: { turn_number: 1, last_activity: new Date().toISOString(), stdout_bytes: i, stderr_bytes: 0 } }
          const event = sealEvent(fact, { id: randomUUID(), source: 'bench', sessionId: trail, time: new Date().toISOString(), correlationId: trail, causationId: trail, prevHash }, sha256)
          version = await log.append(event, version)
          prevHash = event.hash
          bytes = JSON.stringify(event).length
        }),
      )
    }
    const body = Buffer.alloc(bytes, 'x')
    const plain = []
    for (let i = 0; i < APPENDS; i++) plain.push(await timed(() => stream.js.publish(stream.subject(trail), body)))
    rounds.push({ ours_p50_ms: median(ours), ours_p99_ms: percentile(ours, 0.99), bare_p50_ms: median(plain), bare_p99_ms: percentile(plain, 0.99), bytes })
  }
  const ours = median(rounds.map((r) => r.ours_p50_ms))
  const bare = median(rounds.map((r) => r.bare_p50_ms))
  report('append', { bar: '<= 1.3x', ratio: median(rounds.map((r) => r.ours_p50_ms / r.bare_p50_ms)), ours_p50_ms: ours, bare_p50_ms: bare, rounds })
}).catch((error) => {
  console.error(error)
  process.exitCode = 1
})
