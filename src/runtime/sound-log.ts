/**
 * The log as views take it in: a coordinator's event that is no part of its trail (see `isStray`) comes as a parked
 * message, since its writer decided on nothing and the machine never obeyed it. Views don't follow chains themselves;
 * they are asked for rarely enough, but for starts, that reading the one trail is cheaper than following all of them.
 */
import { isCoordinators } from '../events/session-events.ts'
import { INITIAL_STATE, type SessionState } from '../machines/decider.ts'
import { isSwarmError } from './errors.ts'
import type { ClientPorts, EventLog, LogEvent, LogItem, LogItems, LogParked, Subscribe } from './ports.ts'
import { seenSessions } from './seen-sessions.ts'
import { takeIn } from './trail.ts'

const RETRY_MS = 500
const BATCH_ITEMS_MAX = 128

type Ports = Pick<ClientPorts, 'log' | 'clock'>

/** As `subscribe`: throws what that throws, and outlives connections as that does. */
export async function* soundLog(ports: Ports, options: Subscribe): AsyncGenerator<LogItem, void, undefined> {
  for await (const items of soundBatches(ports, options)) yield* items
}

/** The same, with what is there already given at once. */
export async function* soundBatches(
  { log, clock }: Ports,
  options: Subscribe,
): AsyncGenerator<readonly LogItem[], void, undefined> {
  const { after, filter = {} } = options
  // Who sees all starts from the first on knows which one is a session's first.
  const seen = after === 0 && (filter.nouns?.includes('start') ?? true) ? seenSessions() : null
  function isSound(item: LogItem): boolean {
    if (item.kind !== 'event' || !isCoordinators(item.event.type)) return true
    return item.event.type === 'start.requested' && seen?.isNew(item.event.subject) === true
  }
  async function judged(item: LogItem): Promise<LogItem> {
    for (;;) {
      try {
        return item.kind === 'caught_up' ? item : await parkedIfStray(log, item)
      } catch (error) {
        const isOver = options.once === true || options.signal?.aborted === true
        if (isOver || !isSwarmError(error, 'log_unreachable')) throw error
        await clock.sleep(RETRY_MS, options.signal)
      }
    }
  }
  const items = log.subscribe(options)
  for await (const first of items) {
    const batch: LogItem[] = []
    for (let item: LogItem | null = first; item !== null; item = nextOf(items, batch)) {
      batch.push(isSound(item) ? item : await judged(item))
    }
    yield batch
  }
}

function nextOf(items: LogItems, { length }: readonly LogItem[]): LogItem | null {
  return length < BATCH_ITEMS_MAX ? (items.there?.() ?? null) : null
}

/** The event, or why it is none of its trail's. */
export async function parkedIfStray<Item extends LogEvent | LogParked>(
  log: EventLog,
  item: Item,
): Promise<Item | LogParked> {
  if (item.kind !== 'event' || !isCoordinators(item.event.type)) return item
  const { event, position, body } = item
  let state: SessionState = INITIAL_STATE
  let reason: string | null = null
  try {
    await log.walk(event.subject, (each) => {
      if (each.position > position) return
      const step = takeIn(state, each)
      if (each.position === position && step.state.head === state.head) reason = step.parked?.reason ?? null
      state = step.state
    })
  } catch (error) {
    // What is no history of ours can't be judged; `verify` says what is wrong with it.
    if (!isSwarmError(error, 'history_corrupt')) throw error
  }
  return reason === null
    ? item
    : { kind: 'parked', position, subject: event.subject, code: 'event_schema', reason, body }
}
