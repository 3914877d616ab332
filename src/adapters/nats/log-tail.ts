/**
 * The live end of the log, read once for all readers of this process that want the same of it: however many they are,
 * an event costs one read. It reads only while somebody waits, so nothing piles up for a reader that stands still.
 */
import type { Position } from '../../events/ids.ts'
import { isSwarmError } from '../../runtime/errors.ts'
import type { NatsLink } from './connection.ts'
import { keptMessages } from './kept-messages.ts'
import type { SubjectFilter } from './log-filter.ts'
import { liveFlow } from './log-flow.ts'
import type { LogReader } from './log-reader.ts'
import { logWake } from './log-wake.ts'
import type { Batch, Stored } from './stored.ts'

/** A nudge can get lost, e.g. while a cluster changes its leader; then readers are late by this much. */
const checkMs = 5_000
const retryMs = 500
/** A replica may not have yet what its leader has announced, and what flows by itself may come a little later. */
const lagWaitMs = 50
const lagTriesMax = 40

export type LogTail = {
  /**
   * Waits for messages after a position up to which everything was read. None when the signal aborts; null when more
   * than what is kept lies in between: then read up to the present first. Throws `log_unreachable`, `not_authorized`.
   */
  after(position: Position): Promise<readonly Stored[] | null>
  leave(): void
}
type Waiter = { position: Position; settle(messages: readonly Stored[]): void; fail(error: unknown): void }
type SharedTail = ReturnType<typeof openTail>

const tails = new WeakMap<LogReader, Map<string, SharedTail>>()

/** Listens from now on. `signal`: ends the waiting. Throws what the client throws when there is no connection. */
export function joinTail(
  link: NatsLink,
  stream: string,
  reader: LogReader,
  filter: SubjectFilter,
  signal?: AbortSignal,
): LogTail {
  const open = tails.get(reader) ?? new Map<string, SharedTail>()
  tails.set(reader, open)
  const key = [filter.read, ...filter.live].join(' ')
  const tail = open.get(key) ?? openTail(link, stream, reader, filter, () => open.delete(key))
  open.set(key, tail)
  return tail.join(signal)
}

function openTail(link: NatsLink, stream: string, reader: LogReader, filter: SubjectFilter, forget: () => void) {
  const wake = logWake(link, stream, filter.live)
  const reading = reader.run(filter.read)
  const waiters = new Set<Waiter>()
  const kept = keptMessages()
  const flow = liveFlow(reader, filter.follow, { after: () => kept.end(), isWanted: () => waiters.size > 0, take })
  let members = 0
  let isReading = false
  /** Somebody said that there is a message here. */
  let promised: Position = 0
  let lagTries = 0
  let overdue = false

  /** Sees to it, while somebody waits, that what is there comes. */
  async function readOn(): Promise<void> {
    if (isReading) return
    isReading = true
    try {
      while (waiters.size > 0) {
        const heard = wake.take()
        if (Number.isFinite(heard)) promised = Math.max(promised, heard)
        else connectionChanged()
        if (overdue || (promised > kept.end() && !(await flow.brings(lagWaitMs)))) await readOnce()
        else if (promised <= kept.end()) await idle()
      }
    } catch (error) {
      forget()
      for (const waiter of waiters) waiter.fail(error)
      waiters.clear()
    } finally {
      isReading = false
    }
  }

  function connectionChanged(): void {
    overdue = true
    flow.stop()
    flow.allow()
  }

  async function idle(): Promise<void> {
    flow.start()
    overdue = !(await wake.wait(checkMs))
    if (overdue) flow.allow()
  }

  async function readOnce(): Promise<void> {
    const { messages, pending } = await persistently(() => reading.next(kept.end()))
    overdue = pending > 0
    take(messages)
    if (messages.length > 0 || promised <= kept.end()) return
    if (lagTries < lagTriesMax) {
      lagTries += 1
      overdue = true
      await wake.wait(lagWaitMs)
    } else {
      lagTries = 0
      promised = 0
    }
  }

  function take(messages: readonly Stored[]): void {
    if (messages.length === 0) return
    lagTries = 0
    kept.add(messages)
    for (const waiter of waiters) {
      const due = kept.after(waiter.position) ?? []
      if (due.length > 0 && waiters.delete(waiter)) waiter.settle(due)
    }
  }

  /** Repeats the work while the log can't be reached: readers outlive their connections. */
  async function persistently(work: () => Promise<Batch>): Promise<Batch> {
    for (;;) {
      try {
        return await work()
      } catch (error) {
        if (members === 0 || link.closed() || !isSwarmError(error, 'log_unreachable')) throw error
        wake.take()
        await wake.wait(retryMs)
      }
    }
  }

  function join(signal: AbortSignal | undefined): LogTail {
    let waiter: Waiter | null = null
    const abort = () => {
      if (waiter !== null && waiters.delete(waiter)) waiter.settle([])
    }
    signal?.addEventListener('abort', abort, { once: true })
    members += 1
    return {
      async after(position) {
        if (signal?.aborted === true) return []
        if (waiters.size === 0) kept.startAt(position)
        const due = kept.after(position)
        if (due === null || due.length > 0) return due
        return new Promise((settle, fail) => {
          waiter = { position, settle, fail }
          waiters.add(waiter)
          flow.resume()
          void readOn()
        })
      },
      leave() {
        signal?.removeEventListener('abort', abort)
        members -= 1
        if (members > 0) return
        forget()
        flow.stop()
        reading.close()
        wake.close()
      },
    }
  }

  return { join }
}
