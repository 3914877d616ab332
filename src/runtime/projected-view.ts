/**
 * One view that is being kept: events that wait to be folded, and documents that may change again. Nothing is folded
 * before it is stored, so a document that changes all the time is made and written once for many events.
 */
import type { RecordedEvent } from '../events/envelope.ts'
import type { Position, SessionId } from '../events/ids.ts'
import { isViewName, storeNameOf } from '../projections/names.ts'
import { applyEvents, type Projection, type Stored } from '../projections/projection.ts'
import { SwarmError } from './errors.ts'
import type { ClientPorts, KeptSince, StoredDocument } from './ports.ts'
import { giveUp, isDocument } from './stored-view.ts'
import { sessionOfKey } from './views.ts'

/** How many documents are made before they are given to the store. */
const DOCUMENTS_AT_ONCE = 250
/** What this many characters of events made may be much smaller, and is measured. */
const MEASURE_CHARS = 65_536

type Entry = {
  /** As of the last fold; undefined: what is stored has to be read first. */
  document: Stored<unknown> | null | undefined
  waiting: RecordedEvent[]
  waitingChars: number
  /** About how large the document is. */
  chars: number
  measureAt: number
  /** Its session is closed, so it will hardly change again. */
  isFinal: boolean
}

/** What came by here, for all views. `begun`: when the sessions began of which all came by. */
export type Progress = { position: Position; begun: ReadonlyMap<SessionId, Position> }

type Ports = Pick<ClientPorts, 'views' | 'log'>

export class ProjectedView {
  readonly name: string
  private readonly ports: Ports
  private readonly projection: Projection<unknown>
  private readonly entries = new Map<string, Entry>()
  /** Keys of documents that aren't stored as they should be; those of closed sessions again. */
  private readonly changed = new Set<string>()
  private readonly final = new Set<string>()
  /** Where a session has other keys than its own id. */
  private readonly keysOfSession = new Map<SessionId, string[]>()
  private readonly progress: Progress
  private readonly found: Position
  private since: KeptSince
  private storing: Promise<void> = Promise.resolve()
  private holdsForeign = false
  /** Characters of the events that wait, each counted for every document that it changes. */
  waitingChars = 0
  /** About how large all documents in memory are, in characters. */
  chars = 0

  /** `found`: checkpoint and generation of what is stored. */
  constructor(ports: Ports, projection: Projection<unknown>, found: KeptSince, progress: Progress) {
    this.ports = ports
    this.projection = projection
    this.progress = progress
    this.name = storeNameOf(projection)
    this.found = found.checkpoint
    this.since = found
  }

  /** Up to where everything is in it or waits for it. */
  get position(): Position {
    return Math.max(this.found, this.progress.position)
  }

  reads(noun: string): boolean {
    const { nouns } = this.projection
    return nouns === undefined || nouns.includes(noun)
  }

  /** One that it reads. Returns by how much the characters that wait have grown. */
  take(event: RecordedEvent, chars: number): number {
    if (event.position <= this.found) return 0
    const keys = this.projection.keysOf(event)
    for (const key of keys) {
      const entry = this.entries.get(key) ?? this.opened(key)
      if (entry.waiting.length === 0) this.changed.add(key)
      if (entry.isFinal) this.final.add(key)
      entry.waiting.push(event)
      entry.waitingChars += chars
    }
    const more = chars * keys.length
    this.waitingChars += more
    return more
  }

  private opened(key: string): Entry {
    const sessionId = isViewName(this.projection.name) ? sessionOfKey(this.projection.name, key) : null
    // What a session's own trail decides is not stored yet when all of the session came by here.
    const isNew = sessionId !== null && (this.progress.begun.get(sessionId) ?? 0) > this.found
    const document = isNew ? null : undefined
    const entry = { document, waiting: [], waitingChars: 0, chars: 0, measureAt: MEASURE_CHARS, isFinal: false }
    this.entries.set(key, entry)
    if (sessionId !== null && sessionId !== key) {
      const keys = this.keysOfSession.get(sessionId)
      if (keys === undefined) this.keysOfSession.set(sessionId, [key])
      else keys.push(key)
    }
    return entry
  }

  /** The session is closed: its documents are stored soon and forgotten then. */
  close(sessionId: SessionId): void {
    for (const key of [sessionId, ...(this.keysOfSession.get(sessionId) ?? [])]) {
      const entry = this.entries.get(key)
      if (entry === undefined) continue
      entry.isFinal = true
      if (this.changed.has(key)) this.final.add(key)
      else this.forget(key, entry)
    }
    this.keysOfSession.delete(sessionId)
  }

  /** Characters of the events that wait for documents of closed sessions. */
  finalChars(): number {
    return [...this.final].reduce((sum, key) => sum + (this.entries.get(key)?.waitingChars ?? 0), 0)
  }

  /**
   * Stores documents of closed sessions, or all and then the checkpoint. One at a time: a checkpoint must not overtake
   * documents that are still being stored.
   */
  store(which: 'final' | 'all'): Promise<void> {
    const done = this.storing.then(() => (which === 'all' ? this.storeAll() : this.storeKeys([...this.final])))
    // The next one waits for this one however it ends; who asked for this one is told of its error.
    this.storing = done.then(
      () => undefined,
      () => undefined,
    )
    return done
  }

  private async storeAll(): Promise<void> {
    const upTo = this.position
    await this.storeKeys([...this.final])
    await this.storeKeys([...this.changed])
    if (upTo <= this.since.checkpoint) return
    await this.ports.views.setCheckpoint(this.name, upTo, this.since)
    this.since = { ...this.since, checkpoint: upTo }
  }

  private async storeKeys(keys: readonly string[]): Promise<void> {
    for (let at = 0; at < keys.length; at += DOCUMENTS_AT_ONCE) {
      const some = keys.slice(at, at + DOCUMENTS_AT_ONCE)
      await this.readMissing(some)
      await this.put(some)
    }
  }

  private async readMissing(keys: readonly string[]): Promise<void> {
    const missing = keys.filter((key) => this.entries.get(key)?.document === undefined)
    if (missing.length === 0) return
    const found = await this.ports.views.find(this.name, missing)
    const head = await this.ports.log.head()
    if (!found.every((one) => isDocument(this.projection, one, head))) {
      this.holdsForeign = true
      throw new SwarmError('view_lost', `what is stored in ${this.name} is not what was put there: it is made again`)
    }
    const stored = new Map(found.map((document) => [document.key, document]))
    for (const key of missing) {
      const entry = this.entries.get(key)
      if (entry === undefined) continue
      const there = stored.get(key)
      entry.document = there ?? null
      if (there !== undefined) this.measure(entry, there.document)
    }
  }

  /** For the end: whoever keeps the view next folds all of it, if something else than its documents was met in it. */
  async giveUpForeign(): Promise<void> {
    if (this.holdsForeign) await giveUp(this.ports, this.projection)
  }

  private async put(keys: readonly string[]): Promise<void> {
    const documents = keys.flatMap((key) => this.folded(key) ?? [])
    await this.ports.views.put(this.name, documents, { final: keys.every((key) => this.final.has(key)) })
    for (const key of keys) {
      const entry = this.entries.get(key)
      if (entry === undefined || entry.waiting.length > 0) continue
      this.changed.delete(key)
      this.final.delete(key)
      if (entry.isFinal) this.forget(key, entry)
    }
  }

  private folded(key: string): StoredDocument | null {
    const entry = this.entries.get(key)
    if (entry === undefined) return null
    const stored = applyEvents(this.projection, entry.document ?? null, entry.waiting)
    entry.document = stored
    entry.waiting = []
    this.waitingChars -= entry.waitingChars
    this.weigh(entry, entry.chars + entry.waitingChars)
    entry.waitingChars = 0
    if (stored === null || stored.document === null) return null
    if (entry.chars > entry.measureAt) this.measure(entry, stored.document)
    return { key, position: stored.position, document: stored.document }
  }

  private measure(entry: Entry, document: unknown): void {
    this.weigh(entry, JSON.stringify(document).length)
    entry.measureAt = 2 * entry.chars + MEASURE_CHARS
  }

  private weigh(entry: Entry, chars: number): void {
    this.chars += chars - entry.chars
    entry.chars = chars
  }

  private forget(key: string, entry: Entry): void {
    this.entries.delete(key)
    this.chars -= entry.chars
  }

  /** Forgets stored documents, the oldest first, until those that are left have so many characters; tells whose. */
  shrink(charsMax: number, forgotten: (sessionId: SessionId) => void): void {
    for (const [key, entry] of this.entries) {
      if (this.chars <= charsMax) return
      if (this.changed.has(key)) continue
      this.forget(key, entry)
      forgotten(sessionOfKey(this.projection.name, key) ?? key)
    }
  }
}
