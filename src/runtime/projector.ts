/**
 * Keeps the stored views current: one consumer of the log for all of them. Documents are written in batches, and a
 * view's checkpoint after the documents it speaks for; whatever a crash leaves behind is folded again, which changes
 * nothing twice. Of several runners one projects at a time, by a lease.
 *
 * What is in memory is bounded by characters, not by sessions: while it catches up, documents of closed sessions are
 * written and forgotten whenever enough events wait, and the others only now and then.
 */
import { recordedAt } from '../events/envelope.ts'
import type { Position, SessionId } from '../events/ids.ts'
import { nounOf, type EventType } from '../events/session-events.ts'
import { indexes, projections } from '../projections/catalog.ts'
import type { Projection } from '../projections/projection.ts'
import { isSwarmError, messageOf } from './errors.ts'
import { takeLease } from './lease-keeper.ts'
import type { ClientPorts, LeaseHolder, LeaseStore, LogItem } from './ports.ts'
import { ProjectedView } from './projected-view.ts'
import { soundBatches } from './sound-log.ts'
import { completeOrGivenUp } from './stored-view.ts'

export const PROJECTOR_LEASE = 'views.projector'
export const PARKED_STORE = 'parked'
const STORE_INTERVAL_MS = 200
const STORE_INTERVAL_MS_MAX = 5_000
/** Between two times of storing it rests for so many times as long as the last one took. */
const REST_FACTOR = 20
const RETRY_MS = 1_000

/** What bounds memory and what a crash costs. Events that wait are counted for each document that they change, about six. */
export type ProjectorLimits = {
  /** What is read until closed sessions are stored, while catching up. */
  storeChars: number
  /** What may wait for open sessions. */
  openCharsMax: number
  /** Documents that are kept because they may change again. */
  documentsCharsMax: number
  /** What is read until all is stored, with a checkpoint, while catching up. */
  checkpointEvents: number
}
const LIMITS: ProjectorLimits = {
  storeChars: 8 * 1024 * 1024,
  openCharsMax: 32 * 1024 * 1024,
  documentsCharsMax: 8 * 1024 * 1024,
  checkpointEvents: 50_000,
}

type Ports = ClientPorts & { leases: LeaseStore }

export type Projecting = { stop: () => Promise<void> }

/** Projects whenever this process holds the projector's lease, until stopped; then what is pending is stored. */
export function startProjector(ports: Ports, holder: LeaseHolder, leaseTtlMs: number): Projecting {
  const life = new AbortController()
  const run = async (): Promise<void> => {
    while (!life.signal.aborted) {
      try {
        const kept = await takeLease(ports, PROJECTOR_LEASE, holder, leaseTtlMs)
        if (kept !== null) {
          const turn = new AbortController()
          const end = () => turn.abort()
          life.signal.addEventListener('abort', end)
          // It may have been stopped while the lease was asked for: then this round only stores and gives the lease back.
          if (life.signal.aborted) end()
          void kept.lost.then(end)
          try {
            await project(ports, turn.signal)
          } finally {
            life.signal.removeEventListener('abort', end)
            await kept.release()
          }
        }
      } catch (error) {
        // Whatever it was, the process and its sessions go on; what is stored stays as it is and is folded on later.
        const isExpected = isSwarmError(error, 'view_lost') || (isSwarmError(error) && error.retryable)
        ports.logger[isExpected ? 'warn' : 'error']('projecting is interrupted', { error: messageOf(error) })
      }
      await ports.clock.sleep(RETRY_MS, life.signal)
    }
  }
  const running = run()
  return {
    stop: async () => {
      life.abort()
      await running
    },
  }
}

/**
 * Follows the log from the oldest checkpoint and stores what it folds, until the signal aborts. Throws when the stores
 * or the log fail; what was not stored then is folded again from the checkpoint.
 */
export async function project(ports: ClientPorts, signal: AbortSignal, limits = LIMITS): Promise<void> {
  const kept = await keptViews(ports, limits)
  const life = new AbortController()
  const end = () => life.abort()
  signal.addEventListener('abort', end)
  if (signal.aborted) end()
  const faults: unknown[] = []
  const fail = (error: unknown) => {
    faults.push(error)
    end()
  }
  let storer: Promise<void> = Promise.resolve()
  let storing: Promise<void> = Promise.resolve()
  try {
    for await (const items of soundBatches(ports, { after: kept.position(), signal: life.signal })) {
      for (const item of items) {
        if (item.kind === 'caught_up') storer = storeRegularly(ports, kept, life.signal).catch(fail)
        if (item.kind === 'parked') await putParked(ports, item)
        if (item.kind === 'event') kept.take(item)
      }
      if (!kept.isFull()) continue
      // Reading goes on while this is stored, but no further than that.
      await storing
      storing = kept.storeSome().catch(fail)
    }
  } finally {
    end()
    signal.removeEventListener('abort', end)
    await storer
    await storing
  }
  if (faults.length > 0) {
    await kept.giveUpForeign()
    throw faults[0]
  }
  await kept.storeAll()
}

type KeptViews = Awaited<ReturnType<typeof keptViews>>

/** All views and indexes as they are stored, and what comes to be of them. */
async function keptViews(ports: ClientPorts, limits: ProjectorLimits) {
  const all: Projection<unknown>[] = [...Object.values(projections), ...Object.values(indexes)]
  const generation = ports.views.generation()
  const begun = new Map<SessionId, Position>()
  const progress = { position: 0, begun }
  const views = await Promise.all(
    all.map(async (projection) => {
      const checkpoint = await completeOrGivenUp(ports, projection)
      return new ProjectedView(ports, projection, { generation, checkpoint }, progress)
    }),
  )
  let untilStore = limits.storeChars
  let untilCheckpoint = limits.checkpointEvents
  const sum = (of: (view: ProjectedView) => number) => views.reduce((total, view) => total + of(view), 0)

  const readersOf = memoized((type: EventType) => views.filter((view) => view.reads(nounOf(type))))
  /** One object for each session's id: maps find a key that is the very same at once. */
  const ids = new Map<SessionId, SessionId>()

  function take(item: Extract<LogItem, { kind: 'event' }>): void {
    const event = recordedAt(item.position, item.event)
    const { type, position } = event
    progress.position = position
    const known = ids.get(event.subject)
    if (known === undefined) ids.set(event.subject, event.subject)
    else event.subject = known
    if (type === 'start.requested') begun.set(event.subject, position)
    for (const view of readersOf(type)) untilStore -= view.take(event, item.body.length)
    untilCheckpoint -= 1
    if (type !== 'session.closed') return
    for (const view of views) view.close(event.subject)
    begun.delete(event.subject)
  }

  /** Documents of closed sessions; all of them when the others wait for too long. */
  async function storeSome(): Promise<void> {
    untilStore = limits.storeChars
    const open = sum((view) => view.waitingChars - view.finalChars())
    if (untilCheckpoint <= 0 || open > limits.openCharsMax) return storeAll()
    await Promise.all(views.map((view) => view.store('final')))
  }

  async function storeAll(): Promise<void> {
    untilCheckpoint = limits.checkpointEvents
    ids.clear()
    await Promise.all(views.map((view) => view.store('all')))
    if (sum((view) => view.chars) <= limits.documentsCharsMax) return
    for (const view of views)
      view.shrink(limits.documentsCharsMax / 2 / views.length, (sessionId) => begun.delete(sessionId))
  }

  async function giveUpForeign(): Promise<void> {
    await Promise.all(views.map((view) => view.giveUpForeign()))
  }

  const position = () => Math.min(...views.map((view) => view.position))
  return { position, take, isFull: () => untilStore <= 0, storeSome, storeAll, giveUpForeign }
}

function memoized<Key, Value>(of: (key: Key) => Value): (key: Key) => Value {
  const known = new Map<Key, Value>()
  return (key) => {
    const there = known.get(key)
    if (there !== undefined) return there
    const value = of(key)
    known.set(key, value)
    return value
  }
}

/** Documents of a long session are long, and made anew each time: what that takes bounds how often it is done. */
async function storeRegularly({ clock, logger }: ClientPorts, kept: KeptViews, signal: AbortSignal): Promise<void> {
  let tookMs = 0
  while (!signal.aborted) {
    await clock.sleep(Math.min(Math.max(STORE_INTERVAL_MS, tookMs * REST_FACTOR), STORE_INTERVAL_MS_MAX), signal)
    if (signal.aborted) return
    const startedMs = clock.monotonic()
    try {
      await kept.storeAll()
    } catch (error) {
      if (!isSwarmError(error) || !error.retryable) throw error
      logger.warn('views could not be stored yet', { error: messageOf(error) })
    }
    tookMs = clock.monotonic() - startedMs
  }
}

async function putParked(
  { views }: ClientPorts,
  { position, subject, code, reason }: Extract<LogItem, { kind: 'parked' }>,
): Promise<void> {
  const document = { position, subject, code, reason }
  await views.put(PARKED_STORE, [{ key: String(position), position, document }])
}
