import { memoryLeaseStore } from '../../src/adapters/memory/lease-store.ts'
import { leaseStoreContract } from './lease-store.contract.ts'

/** A clock that stands still until told. */
function handClock() {
  let nowMs = 0
  const sleepers = new Set<{ dueMs: number; wake: () => void }>()
  return {
    monotonic: () => nowMs,
    sleep: (ms: number, signal?: AbortSignal) =>
      new Promise<void>((wake) => {
        sleepers.add({ dueMs: nowMs + ms, wake })
        signal?.addEventListener('abort', () => wake())
      }),
    async pass(ms: number) {
      nowMs += ms
      for (const sleeper of sleepers) if (sleeper.dueMs <= nowMs && sleepers.delete(sleeper)) sleeper.wake()
    },
  }
}

leaseStoreContract('memory', async () => {
  const clock = handClock()
  const store = memoryLeaseStore({ clock })
  return { store, another: () => store, pass: (ms) => clock.pass(ms), close: async () => {} }
})
