/** Keeps one session's lease alive until it is given up or lost. */
import { isSwarmError, messageOf } from './errors.ts'
import type { Clock, Lease, LeaseHolder, LeaseStore, Logger } from './ports.ts'

export type KeptLease = {
  /** Resolves with the reason once the lease is not ours any more. Never resolves when it was released. */
  lost: Promise<string>
  release: () => Promise<void>
  /** Stops renewing and leaves the lease to run out. */
  abandon: () => void
}

const RENEW_RETRY_MS = 250

/**
 * Renews at a third of the TTL. While the store can't be reached it keeps trying: nobody else can claim there either,
 * and the log's expected version fences what a partitioned runner might write. A lease that ran out meanwhile is taken
 * anew if nobody took it; otherwise it is lost.
 */
export function keepLease(
  { leases, clock, logger }: { leases: LeaseStore; clock: Clock; logger: Logger },
  first: Lease,
  holder: LeaseHolder,
  ttlMs: number,
): KeptLease {
  const stop = new AbortController()
  let lease = first
  let lose: (reason: string) => void = () => undefined
  const lost = new Promise<string>((resolve) => {
    lose = resolve
  })

  const renewOrRetake = async (): Promise<Lease> => {
    try {
      return await leases.renew(lease, holder, ttlMs)
    } catch (error) {
      if (!isSwarmError(error, 'lease_lost')) throw error
      const again = await leases.acquire(lease.key, holder, ttlMs)
      if (again === null) throw error
      return again
    }
  }

  const renew = async (): Promise<boolean> => {
    try {
      lease = await renewOrRetake()
      return true
    } catch (error) {
      if (!isSwarmError(error) || !error.retryable) throw error
      logger.warn('a lease could not be renewed yet', { key: lease.key, code: error.code })
      return false
    }
  }

  const run = async (): Promise<void> => {
    let waitMs = ttlMs / 3
    while (!stop.signal.aborted) {
      await clock.sleep(waitMs, stop.signal)
      if (stop.signal.aborted) return
      waitMs = (await renew()) ? ttlMs / 3 : Math.min(RENEW_RETRY_MS, ttlMs / 3)
    }
  }
  const running = run().catch((error: unknown) => lose(messageOf(error)))

  return {
    lost,
    release: async () => {
      stop.abort()
      await running
      await leases.release(lease)
    },
    abandon: () => stop.abort(),
  }
}
