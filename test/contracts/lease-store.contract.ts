/** The laws of `LeaseStore` (src/runtime/ports.ts), run against every adapter. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LeaseChange, LeaseHolder, LeaseStore } from '../../src/runtime/ports.ts'
import { until } from '../support/until.ts'

export type LeasesUnderTest = {
  store: LeaseStore
  /** Another client of the same leases. */
  another(): LeaseStore
  /** Lets that much time pass, where time has to be driven; a real store's passes by itself. */
  pass(ms: number): Promise<void>
  close(): Promise<void>
}

const ttlMs = 1000
const longMs = 60_000
const holderOf = (runnerId: string): LeaseHolder => ({ runnerId, host: 'here', pid: 7, processStartedAt: '1' })
const [ann, bob] = [holderOf('ann'), holderOf('bob')]

export function leaseStoreContract(adapter: string, open: () => Promise<LeasesUnderTest>): void {
  describe(`lease store contract: ${adapter}`, () => {
    let under: LeasesUnderTest
    let store: LeaseStore
    let watching: AbortController
    beforeEach(async () => {
      under = await open()
      store = under.store
      watching = new AbortController()
    })
    afterEach(async () => {
      watching.abort()
      await under.close()
    })

    /** All that a watcher has heard, growing. */
    async function watch(): Promise<LeaseChange[]> {
      const heard: LeaseChange[] = []
      void (async () => {
        for await (const change of under.another().watch(watching.signal)) heard.push(change)
      })()
      await until('the watcher is current', () => heard.some(({ kind }) => kind === 'current'))
      return heard
    }
    const frees = (heard: LeaseChange[], key: string) =>
      heard.filter((change) => change.kind === 'free' && change.key === key)
    const freed = (heard: LeaseChange[], key: string) => until(`${key} is free`, () => frees(heard, key).length > 0)

    it('goes to one of many who ask at once', async () => {
      const stores = Array.from({ length: 6 }, () => under.another())
      const leases = await Promise.all(stores.map((each, n) => each.acquire('S1', holderOf(`r${n}`), longMs)))
      const winners = leases.flatMap((lease, n) => (lease === null ? [] : [n]))
      expect(winners.length).toBe(1)
      expect(await store.holder('S1')).toEqual(holderOf(`r${winners[0]}`))
    })

    it('is held until released, also against its own holder, and then free at once', async () => {
      const lease = await store.acquire('S1', ann, longMs)
      expect(lease).toMatchObject({ key: 'S1' })
      expect(await under.another().acquire('S1', bob, longMs)).toBeNull()
      expect(await store.acquire('S1', ann, longMs)).toBeNull()
      if (lease !== null) await store.release(lease)
      expect(await store.holder('S1')).toBeNull()
      expect(await under.another().acquire('S1', bob, longMs)).not.toBeNull()
    })

    it('ends by itself when it is not renewed, and watchers hear of it', async () => {
      const heard = await watch()
      const lease = await store.acquire('S1', ann, ttlMs)
      await under.pass(ttlMs)
      await freed(heard, 'S1')
      expect(heard).toEqual([
        { kind: 'current' },
        { kind: 'held', key: 'S1', holder: ann },
        { kind: 'free', key: 'S1' },
      ])
      expect(await store.holder('S1')).toBeNull()
      if (lease === null) throw new Error('not acquired')
      await expect(store.renew(lease, ann, ttlMs)).rejects.toMatchObject({ code: 'lease_lost' })
    })

    it('taken anew after it ended, ends by itself again', async () => {
      const heard = await watch()
      await store.acquire('S1', ann, ttlMs)
      await under.pass(ttlMs)
      await freed(heard, 'S1')
      expect(await under.another().acquire('S1', bob, ttlMs)).not.toBeNull()
      await under.pass(ttlMs)
      await until('it ended again', () => frees(heard, 'S1').length === 2)
    })

    it('lasts while it is renewed, and ends by itself once it is not', async () => {
      const heard = await watch()
      const other = await store.acquire('other', ann, ttlMs)
      let lease = await store.acquire('S1', ann, ttlMs)
      for (let round = 0; round < 3 && lease !== null; round++) {
        await under.pass(ttlMs / 2)
        lease = await store.renew(lease, ann, round === 2 ? ttlMs : longMs)
      }
      await freed(heard, 'other')
      expect(other).not.toBeNull()
      await under.pass(ttlMs)
      await freed(heard, 'S1')
      // Renewals are no news for watchers.
      expect(heard.filter((change) => change.kind === 'held' && change.key === 'S1').length).toBe(1)
    })

    it('once lost can be neither renewed nor released', async () => {
      const lease = await store.acquire('S1', ann, longMs)
      expect(await under.another().evict('S1', ann)).toBe(true)
      expect(await under.another().acquire('S1', bob, longMs)).not.toBeNull()
      if (lease === null) throw new Error('not acquired')
      await expect(store.renew(lease, ann, longMs)).rejects.toMatchObject({ code: 'lease_lost' })
      await store.release(lease)
      expect(await store.holder('S1')).toEqual(bob)
    })

    it('is evicted only from the holder that was named', async () => {
      expect(await store.evict('S1', ann)).toBe(false)
      await store.acquire('S1', ann, longMs)
      expect(await store.evict('S1', bob)).toBe(false)
      expect(await store.evict('S1', { ...ann, processStartedAt: '2' })).toBe(false)
      expect(await store.holder('S1')).toEqual(ann)
      expect(await store.evict('S1', ann)).toBe(true)
      expect(await store.holder('S1')).toBeNull()
    })

    it('is told to watchers: first what is held, then that this was all, then what changes', async () => {
      await store.acquire('S1', ann, longMs)
      const gone = await store.acquire('S2', ann, longMs)
      if (gone !== null) await store.release(gone)
      const heard = await watch()
      expect(heard).toEqual([{ kind: 'held', key: 'S1', holder: ann }, { kind: 'current' }])
      await store.acquire('S3', bob, longMs)
      await store.evict('S1', ann)
      await freed(heard, 'S1')
      expect(heard.slice(2)).toEqual([
        { kind: 'held', key: 'S3', holder: bob },
        { kind: 'free', key: 'S1' },
      ])
    })

    it('watching ends without an error when the signal aborts', async () => {
      const changes = store.watch(watching.signal)
      for await (const change of changes) if (change.kind === 'current') watching.abort()
      const aborted = new AbortController()
      aborted.abort()
      for await (const change of store.watch(aborted.signal)) expect(change).not.toMatchObject({ kind: 'free' })
    })
  })
}
