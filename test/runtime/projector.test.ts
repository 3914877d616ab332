import { describe, expect, it } from 'vitest'
import { memoryEventLog } from '../../src/adapters/memory/event-log.ts'
import { memoryLeaseStore } from '../../src/adapters/memory/lease-store.ts'
import { memoryViewStore } from '../../src/adapters/memory/view-store.ts'
import { SwarmError } from '../../src/runtime/errors.ts'
import type { LeaseHolder, ViewStore } from '../../src/runtime/ports.ts'
import { PROJECTOR_LEASE, startProjector } from '../../src/runtime/projector.ts'
import { createSwarm } from '../../src/runtime/swarm.ts'
import { randomOf } from '../simulation/random.ts'
import { Scheduler } from '../simulation/scheduler.ts'
import { memoryPorts } from '../support/told-log.ts'
import { sha256 } from '../support/events.ts'

const holder: LeaseHolder = { runnerId: 'r1', host: 'h', pid: 1, processStartedAt: '1' }
const STEPS_MAX = 10_000

function world() {
  const scheduler = new Scheduler(randomOf(1))
  const clock = scheduler.clockOf(null)
  const store = memoryViewStore()
  let fault: Error | null = null
  const orFault = <T>(work: () => Promise<T>) => (fault === null ? work() : Promise.reject(fault))
  const views: ViewStore = {
    ...store,
    get: (view, key) => orFault(() => store.get(view, key)),
    put: (view, documents) => orFault(() => store.put(view, documents)),
  }
  const leases = memoryLeaseStore({ clock })
  const ports = { ...memoryPorts(), log: memoryEventLog(sha256), views, clock, leases }
  return {
    ports,
    store,
    swarm: createSwarm(ports, { source: 'client/c1' }),
    failWith: (error: Error | null) => {
      fault = error
    },
    pass: (ms: number) => scheduler.runUntil(() => false, scheduler.nowMs + ms, STEPS_MAX),
  }
}

describe('the projector', () => {
  it.each([
    ['can’t be reached', new SwarmError('log_unreachable', 'down', { retryable: true })],
    ['is broken', new TypeError('broken')],
  ])('goes on when the store %s, and stores what was missed', async (_, fault) => {
    const { ports, store, swarm, failWith, pass } = world()
    const projecting = startProjector(ports, holder, 3_000)
    await pass(500)
    failWith(fault)
    await swarm.start({ task: 'a', session_id: 'S1' })
    await pass(5_000)
    expect(await store.get('registry', 'S1')).toBeNull()
    failWith(null)
    await pass(5_000)
    expect(await store.get('registry', 'S1')).toMatchObject({ position: 1, document: { session_id: 'S1' } })
    expect(await store.checkpoint('registry')).toBe(1)
    const stopped = projecting.stop()
    await pass(2_000)
    await stopped
  })

  it('stopped while it asks for its lease gives it back', async () => {
    const { ports, pass } = world()
    const projecting = startProjector(ports, holder, 3_000)
    const stopped = projecting.stop()
    await pass(5_000)
    await stopped
    expect(await ports.leases.holder(PROJECTOR_LEASE)).toBeNull()
  })
})
