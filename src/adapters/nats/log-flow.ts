/**
 * Messages as they are stored, by a consumer that has been asked beforehand. It saves its reader the asking, and nothing
 * depends on it: where there is none, or it stops, what is there is read as soon as it is heard of.
 */
import type { Position } from '../../events/ids.ts'
import { bellOf } from './bell.ts'
import type { BulkRead } from './log-bulk.ts'
import type { LogReader } from './log-reader.ts'
import type { Stored } from './stored.ts'

type Use = {
  /** Up to where everything has been read by now. */
  after(): Position
  isWanted(): boolean
  take(messages: readonly Stored[]): void
}

/** `subjects`: see `SubjectFilter.follow`. */
export function liveFlow(reader: LogReader, subjects: readonly string[] | null, use: Use) {
  let source: BulkRead | null = null
  let isAllowed = true
  let resume = () => {}
  const came = bellOf()

  async function open(wanted: readonly string[]): Promise<void> {
    try {
      const opened = await reader.follow(wanted, use.after())
      if (opened === null) return
      if (!use.isWanted()) return opened.close()
      source = opened
      await pour(opened)
    } catch {
      // It can't be had now; reading says so if that matters.
    } finally {
      stop()
    }
  }

  async function pour(opened: BulkRead): Promise<void> {
    const isOpen = () => source === opened
    while (isOpen()) {
      const batch = await opened.next({ idle: true })
      if (batch === null || !isOpen()) return
      use.take(batch.messages)
      came.ring()
      if (!use.isWanted()) await new Promise<void>((resolve) => (resume = resolve))
    }
  }

  function stop(): void {
    source?.close()
    source = null
    resume()
  }

  return {
    /** Begins, unless it did or was stopped: then it has to be allowed first. */
    start() {
      if (source !== null || !isAllowed || subjects === null) return
      isAllowed = false
      void open(subjects)
    },
    stop,
    allow() {
      isAllowed = true
    },
    /** Somebody waits again. */
    resume: () => resume(),
    /** Whether something comes within the time. What ought to have come and did not stops it. */
    async brings(ms: number): Promise<boolean> {
      if (source === null) return false
      const brought = await came.rung(ms)
      if (!brought) stop()
      return brought
    },
  }
}
