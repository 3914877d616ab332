/**
 * Keeps the stored views current: one consumer of the log for all of them. Documents are written in batches, and a
 * view's checkpoint after the documents it speaks for; whatever a crash leaves behind is folded again, which changes
 * nothing twice. Of several runners one projects at a time, by a lease.
 */
import type { RecordedEvent } from '../events/envelope.ts'
import type { Position, SessionId } from '../events/ids.ts'
import { nounOf } from '../events/session-events.ts'
import { indexes, isViewName, projections } from '../projections/catalog.ts'
import { applyEvent, type Projection, type Stored } from '../projections/projection.ts'
import { isSwarmError, messageOf } from './errors.ts'
import { takeLease } from './lease-keeper.ts'
import type { ClientPorts, LeaseHolder, LeaseStore, LogItem } from './ports.ts'
import { recorded, sessionOfKey, storeNameOf } from './views.ts'

export const PROJECTOR_LEASE = 'views.projector'
export const PARKED_STORE = 'parked'
const FLUSH_INTERVAL_MS = 200
const FLUSH_DOCUMENTS_MAX = 2_000
const CACHE_DOCUMENTS_MAX = 20_000
const RETRY_MS = 1_000

type Ports = ClientPorts & { leases: LeaseStore }

/** One view being projected: documents in memory, and which of them are not stored yet. */
class Projected {
  readonly projection: Projection<unknown>
  readonly name: string
  private readonly ports: ClientPorts
  private readonly cache = new Map<string, Stored<unknown>>()
  private readonly dirty = new Set<string>()
  position: Position = 0
  private saved: Position = 0
  private flushing: Promise<void> = Promise.resolve()
  /** All documents that events after this position touched are in memory. */
  private remembersAfter: Position = 0
  /** What is being read now must not be forgotten before it is used. */
  private finding = false
  private readonly begun: ReadonlyMap<SessionId, Position>

  /** `begun`: when the sessions that are open began, as far as this round has seen it. */
  constructor(ports: ClientPorts, projection: Projection<unknown>, begun: ReadonlyMap<SessionId, Position>) {
    this.ports = ports
    this.begun = begun
    this.projection = projection
    this.name = storeNameOf(projection)
  }

  async load(): Promise<void> {
    this.position = await this.ports.views.checkpoint(this.name)
    this.saved = this.position
    this.remembersAfter = this.position
  }

  get pending(): number {
    return this.dirty.size
  }

  /** Null when that was all; a promise where a stored document has to be read first. */
  take(event: RecordedEvent): Promise<void> | null {
    if (event.position <= this.position) return null
    const { nouns } = this.projection
    const keys = nouns === undefined || nouns.includes(nounOf(event.type)) ? this.projection.keysOf(event) : []
    const missing = keys.filter((key) => !this.cache.has(key) && this.mayBeStored(key))
    if (missing.length > 0) return this.findFor(event, keys, missing)
    this.apply(keys, event)
    return null
  }

  private apply(keys: readonly string[], event: RecordedEvent): void {
    for (const key of keys) {
      this.cache.set(key, applyEvent(this.projection, this.cache.get(key) ?? null, event))
      this.dirty.add(key)
    }
    this.position = event.position
  }

  /** What a session's own trail decides is here, if it is anywhere, when the session began since we remember. */
  private mayBeStored(key: string): boolean {
    const sessionId = isViewName(this.projection.name) ? sessionOfKey(this.projection.name, key) : null
    return sessionId === null || (this.begun.get(sessionId) ?? 0) <= this.remembersAfter
  }

  private async findFor(event: RecordedEvent, keys: readonly string[], missing: readonly string[]): Promise<void> {
    this.finding = true
    try {
      for (const key of missing) {
        const stored = await this.ports.views.get(this.name, key)
        if (stored !== null) this.cache.set(key, stored)
      }
      this.apply(keys, event)
    } finally {
      this.finding = false
    }
  }

  /** One at a time: a checkpoint must not overtake documents that an earlier flush is still storing. */
  flush(): Promise<void> {
    const done = this.flushing.then(() => this.store())
    // The next flush waits for this one however it ends; who asked for this one is told of its error.
    this.flushing = done.then(
      () => undefined,
      () => undefined,
    )
    return done
  }

  private async store(): Promise<void> {
    const keys = [...this.dirty]
    const upTo = this.position
    this.dirty.clear()
    const documents = keys.flatMap((key) => {
      const stored = this.cache.get(key)
      return stored === undefined ? [] : [{ key, position: stored.position, document: stored.document }]
    })
    try {
      if (documents.length > 0) await this.ports.views.put(this.name, documents)
      if (upTo > this.saved) await this.ports.views.setCheckpoint(this.name, upTo)
    } catch (error) {
      for (const key of keys) this.dirty.add(key)
      throw error
    }
    this.saved = Math.max(this.saved, upTo)
    if (this.cache.size <= CACHE_DOCUMENTS_MAX || this.dirty.size > 0 || this.finding) return
    this.cache.clear()
    this.remembersAfter = this.position
  }
}

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
        const level = isSwarmError(error) && error.retryable ? 'warn' : 'error'
        ports.logger[level]('projecting is interrupted', { error: messageOf(error) })
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
export async function project(ports: ClientPorts, signal: AbortSignal): Promise<void> {
  const all: Projection<unknown>[] = [...Object.values(projections), ...Object.values(indexes)]
  const begun = new Map<SessionId, Position>()
  const views = all.map((projection) => new Projected(ports, projection, begun))
  await Promise.all(views.map((view) => view.load()))
  const life = new AbortController()
  const end = () => life.abort()
  signal.addEventListener('abort', end)
  if (signal.aborted) end()
  const faults: unknown[] = []
  const fail = (error: unknown) => {
    faults.push(error)
    end()
  }
  let flusher: Promise<void> = Promise.resolve()
  let storing: Promise<void> = Promise.resolve()
  const after = Math.min(...views.map((view) => view.position))
  try {
    for await (const item of ports.log.subscribe({ after, signal: life.signal })) {
      // A log that is being caught up with is stored by amount: what changes all the time need not be stored each time.
      if (item.kind === 'caught_up') flusher = flushRegularly(ports, views, life.signal).catch(fail)
      await takeItem(ports, views, begun, item)
      if (!views.some((view) => view.pending > FLUSH_DOCUMENTS_MAX)) continue
      await storing
      storing = flushAll(views).catch(fail)
    }
  } finally {
    end()
    signal.removeEventListener('abort', end)
    await flusher
    await storing
  }
  if (faults.length > 0) throw faults[0]
  await flushAll(views)
}

async function takeItem(
  ports: ClientPorts,
  views: readonly Projected[],
  begun: Map<SessionId, Position>,
  item: LogItem,
): Promise<void> {
  if (item.kind === 'parked') {
    const { position, subject, code, reason } = item
    await ports.views.put(PARKED_STORE, [
      { key: String(position), position, document: { position, subject, code, reason } },
    ])
    return
  }
  const event = recorded(item)
  if (event === null) return
  if (event.type === 'start.requested') begun.set(event.subject, event.position)
  for (const view of views) {
    const reading = view.take(event)
    if (reading !== null) await reading
  }
  if (event.type === 'session.closed') begun.delete(event.subject)
}

async function flushAll(views: readonly Projected[]): Promise<void> {
  for (const view of views) await view.flush()
}

async function flushRegularly(ports: ClientPorts, views: readonly Projected[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await ports.clock.sleep(FLUSH_INTERVAL_MS, signal)
    if (signal.aborted) return
    try {
      await flushAll(views)
    } catch (error) {
      if (!isSwarmError(error) || !error.retryable) throw error
      ports.logger.warn('views could not be stored yet', { error: messageOf(error) })
    }
  }
}
