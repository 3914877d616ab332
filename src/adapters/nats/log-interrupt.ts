/** Requests that don't outlive the connection: the client itself would let them wait for their timeout. */
import { bellOf } from './bell.ts'
import type { NatsLink } from './connection.ts'
import { unreachable } from './log-errors.ts'

/**
 * Does the work, but throws `log_unreachable` as soon as the connection is lost, or the signal's reason when it aborts.
 * Nothing is started when there is no connection.
 */
export async function whileConnected<T>(link: NatsLink, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  signal?.throwIfAborted()
  if (!link.connected()) throw unreachable('there is no connection to the log')
  let stopWatching = () => {}
  let stopListening = () => {}
  const interrupted = new Promise<never>((_, reject) => {
    stopWatching = link.onChange(() => reject(unreachable('the connection to the log was lost')))
    const abort = () => reject(signal?.reason as Error)
    signal?.addEventListener('abort', abort, { once: true })
    stopListening = () => signal?.removeEventListener('abort', abort)
  })
  try {
    return await Promise.race([work(), interrupted])
  } finally {
    stopWatching()
    stopListening()
  }
}

/** Whether the connection stands within the time. */
export async function connectedWithin(link: NatsLink, ms: number): Promise<boolean> {
  if (link.connected()) return true
  return new Promise((resolve) => {
    const done = (connected: boolean) => {
      stop()
      clearTimeout(timer)
      resolve(connected)
    }
    const timer = setTimeout(() => done(false), ms)
    const stop = link.onChange((connected) => {
      if (connected || link.closed()) done(connected)
    })
  })
}

/** Until the time is over, the connection is lost or made, or the signal aborts. */
export async function pause(link: NatsLink, ms: number, signal?: AbortSignal): Promise<void> {
  const bell = bellOf()
  const stopWatching = link.onChange(bell.ring)
  signal?.addEventListener('abort', bell.ring, { once: true })
  if (signal?.aborted !== true) await bell.rung(ms)
  signal?.removeEventListener('abort', bell.ring)
  stopWatching()
}
