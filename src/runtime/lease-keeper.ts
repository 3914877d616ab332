/** Keeps one session's lease alive until it is given up or lost. */
import { isSwarmError, messageOf } from './errors.ts'
import type { Clock, Host, Lease, LeaseHolder, LeaseStore, Logger } from './ports.ts'

export type KeptLease = {
  /** Resolves with the reason once the lease is not ours any more. Never resolves when it was released. */
  lost: Promise<string>
  /**
   * Resolves once it is certain: true when the lease was renewed within half of its TTL, so nobody else can have it yet,
   * false when it is not ours any more or the signal aborted. A runner that was frozen or cut off waits here.
   */
  sure: (signal: AbortSignal) => Promise<boolean>
  release: () => Promise<void>
  /** Stops renewing and leaves the lease to run out. */
  abandon: () => void
}

const RENEW_RETRY_MS = 250
/** Of the TTL, counted from before the request that renewed it. */
const SURE_SHARE = 0.5

/** A runner of this process, as its leases tell who holds them. */
export function holderOn({ name, pid, processStartedAt }: Host, runnerId: string): LeaseHolder {
  return { runnerId, host: name, pid, processStartedAt }
}

type Ports = { leases: LeaseStore; clock: Clock; logger: Logger }

/**
 * Takes a lease and keeps it; null when somebody else holds it. `onRetaken`: it had run out and others may have had it
 * meanwhile; what it does comes before the lease is certain again.
 */
export async function takeLease(
  ports: Ports,
  key: string,
  holder: LeaseHolder,
  ttlMs: number,
  onRetaken: () => Promise<void> = () => Promise.resolve(),
): Promise<KeptLease | null> {
  const askedAtMs = ports.clock.monotonic()
  const lease = await ports.leases.acquire(key, holder, ttlMs)
  return lease === null ? null : keepLease(ports, { lease, askedAtMs }, holder, ttlMs, onRetaken)
}

/**
 * Renews at a third of the TTL. While the store can't be reached it keeps trying: nobody else can claim there either,
 * and the log's expected version fences what a partitioned runner might write. A lease that ran out meanwhile is taken
 * anew if nobody took it; otherwise it is lost.
 */
function keepLease(
  { leases, clock, logger }: Ports,
  first: { lease: Lease; askedAtMs: number },
  holder: LeaseHolder,
  ttlMs: number,
  onRetaken: () => Promise<void>,
): KeptLease {
  const stop = new AbortController()
  let { lease, askedAtMs } = first
  let lookedInto = Promise.resolve()
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
      lookedInto = onRetaken()
      return again
    }
  }

  const renew = async (): Promise<boolean> => {
    const atMs = clock.monotonic()
    try {
      lease = await renewOrRetake()
      askedAtMs = atMs
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
  const running = run().catch((error: unknown) => {
    stop.abort()
    lose(messageOf(error))
  })

  const sure = async (signal: AbortSignal): Promise<boolean> => {
    const over = () => signal.aborted || stop.signal.aborted
    while (!over() && clock.monotonic() - askedAtMs > ttlMs * SURE_SHARE) {
      await clock.sleep(Math.min(RENEW_RETRY_MS, ttlMs / 3), signal)
    }
    await lookedInto
    return !over()
  }

  return {
    lost,
    sure,
    release: async () => {
      stop.abort()
      await running
      await leases.release(lease)
    },
    abandon: () => stop.abort(),
  }
}
