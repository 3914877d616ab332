import { describe, expect, it } from 'vitest'
import { memoryLeaseStore } from '../../src/adapters/memory/lease-store.ts'
import { silentLogger } from '../../src/adapters/system/silent-logger.ts'
import { SwarmError } from '../../src/runtime/errors.ts'
import { takeLease } from '../../src/runtime/lease-keeper.ts'
import type { LeaseHolder, LeaseStore } from '../../src/runtime/ports.ts'
import { randomOf } from '../simulation/random.ts'
import { Scheduler } from '../simulation/scheduler.ts'

const ttlMs = 3_000
const STEPS_MAX = 10_000
const holder = (runnerId: string): LeaseHolder => ({ runnerId, host: 'h', pid: 1, processStartedAt: '1' })

function world() {
  const scheduler = new Scheduler(randomOf(1))
  const clock = scheduler.clockOf(null)
  const store = memoryLeaseStore({ clock })
  let down = false
  const orDown = <T>(work: () => Promise<T>) =>
    down ? Promise.reject(new SwarmError('log_unreachable', 'down', { retryable: true })) : work()
  const leases: LeaseStore = {
    ...store,
    acquire: (key, who, ms) => orDown(() => store.acquire(key, who, ms)),
    renew: (lease, who, ms) => orDown(() => store.renew(lease, who, ms)),
  }
  const never = new AbortController().signal
  return {
    store,
    ports: { leases, clock, logger: silentLogger() },
    never,
    cutOff: (value: boolean) => {
      down = value
    },
    /** Lets time pass. */
    pass: (ms: number) => scheduler.runUntil(() => false, scheduler.nowMs + ms, STEPS_MAX),
    /** Whether a promise has settled by now, and with what. */
    settledAs: async <T>(promise: Promise<T>): Promise<T | 'open'> => {
      let seen: T | 'open' = 'open'
      void promise.then((value) => (seen = value))
      await scheduler.runUntil(() => false, scheduler.nowMs, STEPS_MAX)
      return seen
    },
  }
}

describe('a kept lease', () => {
  it('is certain as long as it is renewed', async () => {
    const { ports, pass, settledAs, never, store } = world()
    const kept = await takeLease(ports, 'S1', holder('r1'), ttlMs)
    await pass(60_000)
    expect(await store.holder('S1')).toMatchObject({ runnerId: 'r1' })
    expect(kept === null ? null : await settledAs(kept.sure(never))).toBe(true)
    await kept?.release()
    expect(await store.holder('S1')).toBeNull()
  })

  it('is not certain after half its time without a renewal, and again once it is renewed', async () => {
    const { ports, pass, settledAs, never, cutOff } = world()
    const kept = await takeLease(ports, 'S1', holder('r1'), ttlMs)
    if (kept === null) throw new Error('not taken')
    cutOff(true)
    await pass(ttlMs * 0.6)
    const sure = kept.sure(never)
    expect(await settledAs(sure)).toBe('open')
    cutOff(false)
    await pass(1_000)
    expect(await settledAs(sure)).toBe(true)
    kept.abandon()
  })

  it('that somebody else took meanwhile is lost, and whoever waits is told', async () => {
    const { ports, pass, settledAs, never, cutOff, store } = world()
    const kept = await takeLease(ports, 'S1', holder('r1'), ttlMs)
    if (kept === null) throw new Error('not taken')
    cutOff(true)
    await pass(ttlMs + 1)
    const sure = kept.sure(never)
    expect(await store.acquire('S1', holder('r2'), ttlMs)).not.toBeNull()
    cutOff(false)
    await pass(1_000)
    expect(await settledAs(sure)).toBe(false)
    expect(await settledAs(kept.lost)).toContain('not held by r1')
  })

  it('that ran out and was taken anew is certain only after a look at what happened meanwhile', async () => {
    const { ports, pass, settledAs, never, cutOff } = world()
    let looked: () => void = () => undefined
    const look = new Promise<void>((resolve) => {
      looked = resolve
    })
    const kept = await takeLease(ports, 'S1', holder('r1'), ttlMs, () => look)
    if (kept === null) throw new Error('not taken')
    cutOff(true)
    await pass(ttlMs + 1)
    cutOff(false)
    await pass(1_000)
    const sure = kept.sure(never)
    expect(await settledAs(sure)).toBe('open')
    looked()
    expect(await settledAs(sure)).toBe(true)
    kept.abandon()
  })
})
