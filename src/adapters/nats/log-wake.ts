/**
 * What tells a reader that it may be worth reading again. Republished messages are used as nudges only: whatever is
 * delivered was read from the stream, so a lost, doubled or forged one can cost a read but never a mistake.
 */
import { RepublishHeaders } from '@nats-io/jetstream'
import type { Msg } from '@nats-io/transport-node'
import type { Position } from '../../events/ids.ts'
import { asLogFault } from './log-errors.ts'
import type { NatsLink } from './connection.ts'

export type LogWake = {
  /** Forgets the nudges so far and returns the highest position heard of. Call it before reading, so that none is lost. */
  take(): Position
  /** Until a nudge (a message, a lost or new connection, an abort) that was not taken yet, or the time is over. Throws what ended the subscription. */
  wait(ms: number): Promise<void>
  close(): void
}

export function logWake(link: NatsLink, stream: string, subjects: readonly string[], signal?: AbortSignal): LogWake {
  let nudged = false
  let heard: Position = 0
  let failure: Error | null = null
  let resume: (() => void) | null = null
  const nudge = () => {
    nudged = true
    resume?.()
  }
  const callback = (error: Error | null, message: Msg) => {
    failure = error ?? failure
    if (error === null) heard = Math.max(heard, Number(message.headers?.last(RepublishHeaders.Sequence)) || 0)
    nudge()
  }
  const subscriptions = subjects.map((subject) => link.nc.subscribe(subject, { callback }))
  const stopWatching = link.onChange(nudge)
  signal?.addEventListener('abort', nudge, { once: true })
  return {
    take() {
      nudged = false
      return heard
    },
    async wait(ms) {
      if (!nudged && signal?.aborted !== true) await nudgeWithin(ms, (done) => (resume = done))
      resume = null
      if (failure !== null) throw asLogFault(failure, stream)
    },
    close() {
      stopWatching()
      signal?.removeEventListener('abort', nudge)
      for (const subscription of subscriptions) subscription.unsubscribe()
    },
  }
}

async function nudgeWithin(ms: number, onNudge: (done: () => void) => void): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms)
    onNudge(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}
