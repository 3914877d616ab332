/**
 * Watches over a running process: its wall-clock budget and its longest silence, both on the monotonic clock.
 * One timer serves both and is only set anew when it fires, so output costs nothing here.
 */

type Limits = { timeoutMs: number; stallWindowMs: number }
type Verdict = { kind: 'timed_out' | 'stalled' } | { kind: 'fine'; lookAgainInMs: number }

/** Longest delay that `setTimeout` takes; it fires at once for a longer one. */
const TIMER_MS_MAX = 2_147_483_647

/**
 * The state of things after so many milliseconds since the launch, with the last output (or the launch) so many ago.
 * Silence as long as the window is not a stall, longer is.
 */
export function judge(elapsedMs: number, silentMs: number, { timeoutMs, stallWindowMs }: Limits): Verdict {
  if (elapsedMs >= timeoutMs) return { kind: 'timed_out' }
  if (stallWindowMs > 0 && silentMs > stallWindowMs) return { kind: 'stalled' }
  const untilStallMs = stallWindowMs > 0 ? stallWindowMs - silentMs : Number.POSITIVE_INFINITY
  // Rounded up past the edge, because at the very edge of the window it is not yet a stall.
  const lookAgainInMs = Math.floor(Math.min(timeoutMs - elapsedMs, untilStallMs)) + 1
  return { kind: 'fine', lookAgainInMs: Math.min(lookAgainInMs, TIMER_MS_MAX) }
}

/** Calls back once when a limit is passed, never before it returns. `lastActivityMs` tells the monotonic time of the last output. */
export function watch(
  limits: Limits,
  lastActivityMs: () => number,
  onExpired: (reason: 'timed_out' | 'stalled') => void,
): { stop: () => void } {
  const launchedMs = performance.now()
  let timer: NodeJS.Timeout | undefined
  let isStopped = false
  const verdict = () => judge(performance.now() - launchedMs, performance.now() - lastActivityMs(), limits)
  const settle = () => {
    if (isStopped) return
    const now = verdict()
    if (now.kind === 'fine') timer = setTimeout(look, now.lookAgainInMs)
    else onExpired(now.kind)
  }
  // After a pause of our own process (suspended, or busy) timers fire before waiting output is read. Two turns of the
  // event loop read it, whatever phase this is called in.
  const look = () => void (verdict().kind === 'fine' ? settle() : setImmediate(() => setImmediate(settle)))
  look()
  return {
    stop: () => {
      isStopped = true
      clearTimeout(timer)
    },
  }
}
