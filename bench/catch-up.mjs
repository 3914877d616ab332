/** Reading from zero while writers append: how fast, and whether anything is missed or comes twice. */
import { randomUUID } from 'node:crypto'
import { appender } from './append-event.mjs'
import { fillMixed } from './fill.mjs'
import { main, median, report, size, withFilledServer } from './harness.mjs'

const ROUNDS = size(3, 1)
const SESSIONS = size(5_000, 12)
const WRITERS = size(8, 2)
const APPENDS_EACH = size(250, 5)

await main(() =>
  withFilledServer(
    (given) => fillMixed(given, SESSIONS),
    async ({ swarm }) => {
      const { log } = swarm.ports
      const rounds = []
      for (let round = 0; round < ROUNDS; round++) {
        const written = new Set()
        const writing = Promise.all(
          Array.from({ length: WRITERS }, async () => {
            const { append } = appender(log, `S-${randomUUID()}`)
            for (let i = 0; i < APPENDS_EACH; i++) written.add((await append()).event.id)
          }),
        )
        const { seen, twice, caughtUpAt, perSecond } = await readUntil(log, writing)
        const missed = [...written].filter((id) => !seen.has(id)).length + ((await log.head()) - seen.size)
        rounds.push({ events: seen.size, per_s: perSecond, caught_up_at: caughtUpAt, missed, twice })
      }
      const faults = rounds.reduce((sum, { missed, twice }) => sum + missed + twice, 0)
      report('catch-up', {
        what: `missed or delivered twice, reading from zero beside ${WRITERS} writers`,
        bare: 'none',
        limit: { atMost: 0 },
        value: faults,
        unit: '',
        ours: `${Math.round(median(rounds.map((round) => round.per_s)))} events/s caught up`,
        theirs: 'Emmett 6-28 missed, Castore 60-110 missed (measured earlier)',
        rounds,
      })
    },
  ),
)

/** Follows the log until all that the writers wrote has come. */
async function readUntil(log, writing) {
  const life = new AbortController()
  let last = Number.POSITIVE_INFINITY
  void writing.then(async () => (last = await log.head()))
  const seen = new Set()
  let twice = 0
  let perSecond = 0
  let caughtUpAt = 0
  const began = performance.now()
  const nudge = setInterval(() => at >= last && life.abort(), 20)
  let at = 0
  for await (const item of log.subscribe({ after: 0, signal: life.signal })) {
    at = item.position
    if (item.kind === 'caught_up') {
      caughtUpAt = item.position
      perSecond = (seen.size / (performance.now() - began)) * 1000
    } else {
      const id = item.kind === 'event' ? item.event.id : `parked-${item.position}`
      if (seen.has(id)) twice += 1
      seen.add(id)
    }
    if (at >= last) break
  }
  clearInterval(nudge)
  await writing
  return { seen, twice, caughtUpAt, perSecond }
}
