import type { Clock } from '../../runtime/ports.ts'

/** Longest delay that `setTimeout` takes; it fires at once for a longer one. */
const TIMER_MS_MAX = 2_147_483_647

/** The clock of this machine. A sleep of any length ends no earlier than asked for, by the monotonic clock. */
export function systemClock(): Clock {
  return { now: () => Date.now(), monotonic: () => performance.now(), sleep }
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const dueMs = performance.now() + ms
    let timer: NodeJS.Timeout | undefined
    const finish = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', finish)
      resolve()
    }
    const wait = () => {
      // Timers may fire a little early, and can't be set for longer than their maximum: look and set them again.
      const leftMs = dueMs - performance.now()
      if (leftMs > 0) timer = setTimeout(wait, Math.min(Math.ceil(leftMs), TIMER_MS_MAX))
      else finish()
    }
    signal?.addEventListener('abort', finish)
    if (signal?.aborted === true) finish()
    else wait()
  })
}
