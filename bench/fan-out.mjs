/** From the acknowledgement of an append to its arrival at each of fifty live subscribers, against bare subscriptions. */
import { randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { appender } from './append-event.mjs'
import { bareStream, main, median, percentile, report, size, withServer } from './harness.mjs'

const ROUNDS = size(5, 1)
const SUBSCRIBERS = size(50, 5)
const MORE_SUBSCRIBERS = size([1, 10, 50, 200], [1, 3])
/** So many that the slowest of a hundred are ten, and not chance. */
const EVENTS = size(1_000, 5)
/** Not counted: what is made when readers begin would be counted with the first. */
const WARM_UP_EVENTS = size(50, 1)

await main(() =>
  withServer(async ({ swarm, nc }) => {
    const stream = await bareStream(nc, 'BARE')
    const rounds = []
    for (let round = 0; round < ROUNDS; round++) {
      const { append, bytes } = appender(swarm.ports.log, `S-${randomUUID()}`)
      const ours = await measure(
        await ourSubscribers(swarm, SUBSCRIBERS),
        SUBSCRIBERS,
        async () => (await append()).position,
      )
      const body = Buffer.alloc(bytes, 'x')
      const publish = async () => (await stream.js.publish(stream.subject('t'), body)).seq
      const bare = await measure(bareSubscribers(nc, SUBSCRIBERS), SUBSCRIBERS, publish)
      rounds.push({
        ours_p50_ms: median(ours),
        ours_p99_ms: percentile(ours, 0.99),
        bare_p50_ms: median(bare),
        bare_p99_ms: percentile(bare, 0.99),
      })
    }
    const p50 = median(rounds.map((round) => round.ours_p50_ms / round.bare_p50_ms))
    const p99 = median(rounds.map((round) => round.ours_p99_ms / round.bare_p99_ms))
    const of = (name) => median(rounds.map((round) => round[name])).toFixed(2)
    report('fan-out', {
      what: `sent to received by ${SUBSCRIBERS} live subscribers, p50 and p99 (the larger ratio)`,
      bare: 'as many bare NATS subscriptions',
      limit: { atMost: 2 },
      value: Math.max(p50, p99),
      unit: 'x',
      ours: `${of('ours_p50_ms')} / ${of('ours_p99_ms')} ms`,
      theirs: `${of('bare_p50_ms')} / ${of('bare_p99_ms')} ms`,
      p50_ratio: p50,
      p99_ratio: p99,
      rounds,
    })
    await more(swarm)
  }),
)

/** What each subscriber waits as there are more of them. */
async function more(swarm) {
  const points = []
  for (const count of MORE_SUBSCRIBERS) {
    const { append } = appender(swarm.ports.log, `S-${randomUUID()}`)
    const times = await measure(await ourSubscribers(swarm, count), count, async () => (await append()).position)
    points.push([count, median(times)])
  }
  report('subscribers', {
    what: `sent to received by ${MORE_SUBSCRIBERS.join(' / ')} subscribers, p50 of the most`,
    bare: `by ${MORE_SUBSCRIBERS[0]}`,
    value: points.at(-1)[1],
    unit: ' ms',
    ours: `${points.map(([, ms]) => ms.toFixed(2)).join(' / ')} ms`,
    theirs: `${points[0][1].toFixed(2)} ms`,
    growth: { along: 'live subscribers in one process', figure: 'ms from sent to received, p50', points },
  })
}

/** Times from the sending of each event to its arrival at each subscriber: the append itself is part of both sides. */
async function measure({ arrivals, close }, subscribers, send) {
  const times = []
  for (let i = -WARM_UP_EVENTS; i < EVENTS; i++) {
    const seen = arrivals(subscribers)
    const sentAt = performance.now()
    await send()
    const arrivedAt = await seen
    if (i >= 0) for (const at of arrivedAt) times.push(at - sentAt)
  }
  await close()
  return times
}

/** Tells when the next `count` arrivals have been. */
function counter() {
  let waiting = null
  return {
    arrived() {
      if (waiting === null) return
      waiting.times.push(performance.now())
      if (waiting.times.length === waiting.count) waiting.resolve(waiting.times)
    },
    arrivals: (count) => new Promise((resolve) => (waiting = { count, times: [], resolve })),
  }
}

async function ourSubscribers(swarm, count) {
  const { arrived, arrivals } = counter()
  const life = new AbortController()
  setMaxListeners(0, life.signal)
  const head = await swarm.ports.log.head()
  const ready = []
  const done = Array.from({ length: count }, () => {
    const items = swarm.ports.log.subscribe({ after: head, signal: life.signal })
    let caughtUp
    ready.push(new Promise((resolve) => (caughtUp = resolve)))
    return (async () => {
      for await (const item of items) {
        if (item.kind === 'caught_up') caughtUp()
        else arrived()
      }
    })()
  })
  await Promise.all(ready)
  return { arrivals, close: () => (life.abort(), Promise.all(done)) }
}

function bareSubscribers(nc, count) {
  const { arrived, arrivals } = counter()
  const subscriptions = Array.from({ length: count }, () => nc.subscribe('BARE.live.>', { callback: arrived }))
  return {
    arrivals,
    close: async () => {
      for (const subscription of subscriptions) subscription.unsubscribe()
    },
  }
}
