/** Leases in memory, on whatever clock is given: a simulation's leases end when its clock says so. */
import { SwarmError } from '../../runtime/errors.ts'
import type { Clock, Lease, LeaseChange, LeaseHolder, LeaseStore } from '../../runtime/ports.ts'

type Held = { token: number; holder: LeaseHolder; endsAt: number; over: AbortController }
type Listener = (change: LeaseChange) => void

export function memoryLeaseStore({ clock }: { clock: Pick<Clock, 'monotonic' | 'sleep'> }): LeaseStore {
  const leases = new Map<string, Held>()
  const listeners = new Set<Listener>()
  let tokens = 0

  const tell = (change: LeaseChange) => {
    for (const listener of listeners) listener(change)
  }

  /** What is held now: a lease past its end is over, whether or not its timer has fired. */
  function current(key: string): Held | undefined {
    const held = leases.get(key)
    if (held === undefined || clock.monotonic() < held.endsAt) return held
    end(key, held)
    return undefined
  }

  function end(key: string, held: Held): void {
    leases.delete(key)
    held.over.abort()
    tell({ kind: 'free', key })
  }

  function hold(key: string, holder: LeaseHolder, ttlMs: number): Lease {
    leases.get(key)?.over.abort()
    const held = {
      token: ++tokens,
      holder: { ...holder },
      endsAt: clock.monotonic() + ttlMs,
      over: new AbortController(),
    }
    leases.set(key, held)
    void clock.sleep(ttlMs, held.over.signal).then(() => current(key))
    return { key, token: held.token }
  }

  return {
    async acquire(key, holder, ttlMs) {
      if (current(key) !== undefined) return null
      const lease = hold(key, holder, ttlMs)
      tell({ kind: 'held', key, holder: { ...holder } })
      return lease
    },
    async renew({ key, token }, holder, ttlMs) {
      if (current(key)?.token === token) return hold(key, holder, ttlMs)
      throw new SwarmError('lease_lost', `the lease of ${key} is not held by ${holder.runnerId} any more`, {
        details: { key },
      })
    },
    async release({ key, token }) {
      const held = current(key)
      if (held?.token === token) end(key, held)
    },
    async holder(key) {
      const held = current(key)
      return held === undefined ? null : { ...held.holder }
    },
    async evict(key, holder) {
      const held = current(key)
      if (held === undefined || !isSame(held.holder, holder)) return false
      end(key, held)
      return true
    },
    watch: (signal) => watch(leases, current, listeners, signal),
  }
}

async function* watch(
  leases: ReadonlyMap<string, Held>,
  current: (key: string) => Held | undefined,
  listeners: Set<Listener>,
  signal: AbortSignal,
): AsyncGenerator<LeaseChange> {
  const queue: LeaseChange[] = []
  let wake = () => {}
  for (const key of leases.keys()) {
    const held = current(key)
    if (held !== undefined) queue.push({ kind: 'held', key, holder: { ...held.holder } })
  }
  queue.push({ kind: 'current' })
  const listener: Listener = (change) => {
    queue.push(change)
    wake()
  }
  const aborted = () => wake()
  listeners.add(listener)
  signal.addEventListener('abort', aborted)
  try {
    while (!signal.aborted) {
      const next = queue.shift()
      if (next !== undefined) yield next
      else
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    }
  } finally {
    listeners.delete(listener)
    signal.removeEventListener('abort', aborted)
  }
}

function isSame(left: LeaseHolder, right: LeaseHolder): boolean {
  return Object.entries(right).every(([name, value]) => left[name as keyof LeaseHolder] === value)
}
