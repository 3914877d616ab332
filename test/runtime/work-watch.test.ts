import { describe, expect, it } from 'vitest'
import { memoryLeaseStore } from '../../src/adapters/memory/lease-store.ts'
import { systemHost } from '../../src/adapters/shell/host.ts'
import type { SwarmEvent } from '../../src/events/envelope.ts'
import type { SessionFact } from '../../src/events/session-events.ts'
import { INDEXES, storeNameOf } from '../../src/projections/names.ts'
import { OPEN_SESSIONS_KEY } from '../../src/projections/open-sessions.ts'
import type { Subscribe } from '../../src/runtime/ports.ts'
import { WorkWatch } from '../../src/runtime/work-watch.ts'
import { stopFact, trailOf } from '../support/events.ts'
import { memoryPorts } from '../support/told-log.ts'
import { until } from '../support/until.ts'

const MANY = 40
const closed: SessionFact = { type: 'session.closed', data: { outcome: 'completed', turns: 1, duration_ms: 1 } }

function world() {
  const memory = memoryPorts()
  const asked: Subscribe[] = []
  let open = 0
  async function* subscribe(options: Subscribe) {
    asked.push(options)
    open += 1
    try {
      yield* memory.log.subscribe(options)
    } finally {
      open -= 1
    }
  }
  const host = systemHost()
  const leases = memoryLeaseStore({ clock: memory.clock })
  const told: SwarmEvent[] = []
  const holder = { runnerId: 'r1', host: host.name, pid: host.pid, processStartedAt: host.processStartedAt }
  const watch = new WorkWatch({ ...memory, log: { ...memory.log, subscribe }, leases, host }, holder, {
    onEvent: (event) => told.push(event),
    onChange: () => undefined,
  })
  const versions = new Map<string, number>()
  const append = async (event: SwarmEvent) => {
    const position = await memory.log.append(event, versions.get(event.subject) ?? 0)
    versions.set(event.subject, position)
    return position
  }
  /** As a runner starts a session that it serves itself. */
  const begin = async (sessionId: string) => {
    const trail = trailOf(sessionId)
    watch.add({ sessionId, lane: '', startedAt: await append(trail.next()) })
    return trail
  }
  return { watch, begin, append, asked, told, following: () => open, views: memory.views }
}

const toldOf = (told: readonly SwarmEvent[], type: string) =>
  new Set(told.filter((event) => event.type === type).map(({ subject }) => subject))

describe('a runner that serves only what it has started', () => {
  it('hears of each of many sessions, by a handful of subscriptions', async () => {
    const { watch, begin, append, asked, told } = world()
    watch.start(new Set())
    const trails = []
    for (let n = 0; n < MANY; n++) trails.push(await begin(`S${n}`))
    for (const trail of trails) await append(trail.next(stopFact))
    await until('the stops are told', () => toldOf(told, 'stop.requested').size === MANY)
    expect(asked.length).toBeLessThan(6)
    expect(watch.queue.next(new Map())?.sessionId).toBe('S0')
    await watch.stop()
  })

  it('takes no notice of what others have started', async () => {
    const { watch, begin, append, told } = world()
    watch.start(new Set())
    const trails = []
    for (let n = 0; n < MANY; n++) trails.push(await begin(`S${n}`))
    await append(trailOf('foreign').next())
    await append(trails.at(-1)?.next(stopFact) ?? trailOf('none').next())
    await until('the stops are told', () => toldOf(told, 'stop.requested').size === 1)
    expect(told.some(({ subject }) => subject === 'foreign')).toBe(false)
    expect(watch.queue.isOpen('foreign')).toBe(false)
    await watch.stop()
  })

  it('stops following a session that is closed', async () => {
    const { watch, begin, append, following } = world()
    watch.start(new Set())
    const trail = await begin('S1')
    await until('it is followed', () => following() === 1)
    await append(trail.next(closed))
    await until('it is not followed', () => following() === 0)
    expect(watch.queue.isOpen('S1')).toBe(false)
    await watch.stop()
  })
})

describe('a runner that serves all sessions', () => {
  it.each([
    ['is from beyond the end of the log', { position: 1_000, document: { sessions: {} } }],
    ['is none', { position: 1, document: { foo: 1 } }],
  ])('reads the log from its start when the index of open sessions %s', async (_, stored) => {
    const { watch, append, told, views } = world()
    await views.put(storeNameOf(INDEXES.openSessions), [{ key: OPEN_SESSIONS_KEY, ...stored }])
    await append(trailOf('S1').next())
    watch.start()
    await until('the session is known', () => toldOf(told, 'start.requested').has('S1'))
    expect(watch.ready).toBe(true)
    await watch.stop()
  })

  it('follows none of its own besides', async () => {
    const { watch, begin, append, asked, told } = world()
    watch.start()
    for (let n = 0; n < MANY; n++) await begin(`S${n}`)
    await append(trailOf('foreign').next())
    await until('the starts are told', () => toldOf(told, 'start.requested').size === MANY + 1)
    expect(asked).toHaveLength(1)
    await watch.stop()
  })
})
