/** Reading and writing a log in tests. */
import type { SwarmEvent } from '../../src/events/envelope.ts'
import type { EventLog, LogEvent, LogItem, Subscribe } from '../../src/runtime/ports.ts'

/** A reader whose items are taken a few at a time. */
export function read(log: EventLog, options: Subscribe, controller = new AbortController()) {
  const items = log.subscribe({ ...options, signal: controller.signal })[Symbol.asyncIterator]()
  const pull = async (done: (item: LogItem) => boolean): Promise<LogItem[]> => {
    const taken: LogItem[] = []
    for (;;) {
      const { value, done: ended } = await items.next()
      if (ended === true) return taken
      taken.push(value)
      if (done(value)) return taken
    }
  }
  return {
    take: (count: number) => {
      let left = count
      return pull(() => --left === 0)
    },
    /** Everything up to that position. */
    until: (position: number) => pull((item) => item.position >= position),
    async end() {
      controller.abort()
      await items.return?.()
    },
  }
}

export async function collect(log: EventLog, options: Subscribe): Promise<LogItem[]> {
  const items: LogItem[] = []
  for await (const item of log.subscribe(options)) items.push(item)
  return items
}

export function eventsOf(items: readonly LogItem[]): LogEvent[] {
  return items.filter((item) => item.kind === 'event')
}

/** Positions of events and parked messages. */
export function positionsOf(items: readonly LogItem[]): number[] {
  return items.filter(({ kind }) => kind !== 'caught_up').map(({ position }) => position)
}

/** Appends one trail's events from its start, one after the other. */
export async function appendAll(log: EventLog, events: readonly SwarmEvent[]): Promise<number[]> {
  const positions: number[] = []
  for (const event of events) positions.push(await log.append(event, positions.at(-1) ?? 0))
  return positions
}

export function times<T>(count: number, make: (n: number) => T): T[] {
  return Array.from({ length: count }, (_, n) => make(n))
}
