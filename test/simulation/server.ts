/** The server side: one log, one set of stores. Every event that gets into the log is shown to the witness. */
import { createHash } from 'node:crypto'
import { memoryArtifactStore } from '../../src/adapters/memory/artifact-store.ts'
import { memoryEventLog, type MemoryEventLog } from '../../src/adapters/memory/event-log.ts'
import { memoryLeaseStore } from '../../src/adapters/memory/lease-store.ts'
import { memoryViewStore } from '../../src/adapters/memory/view-store.ts'
import type { SwarmEvent } from '../../src/events/envelope.ts'
import type { Position, Version } from '../../src/events/ids.ts'
import type { ArtifactStore, LeaseStore, LogEvent, LogParked, ViewStore } from '../../src/runtime/ports.ts'
import type { World } from './world.ts'

export const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

export class Server {
  readonly log: MemoryEventLog = memoryEventLog(sha256)
  readonly artifacts: ArtifactStore = memoryArtifactStore()
  /** Digests of the artifacts that are there. */
  readonly kept = new Set<string>()
  readonly views: ViewStore = memoryViewStore()
  readonly leases: LeaseStore
  head: Position = 0
  /** How far each view has ever been projected. */
  readonly projected = new Map<string, Position>()
  private readonly witness: (item: LogEvent | LogParked) => void

  constructor(world: World, witness: (item: LogEvent | LogParked) => void) {
    this.leases = memoryLeaseStore({ clock: world.scheduler.clockOf(null) })
    this.witness = witness
  }

  async append(event: SwarmEvent, expected: Version): Promise<Position> {
    const position = await this.log.append(event, expected)
    if (position <= this.head) return position
    this.head = position
    const [item] = await this.log.read(event.subject, position - 1)
    if (item !== undefined) this.witness(item)
    return position
  }

  /** Version of a trail, as the server knows it. */
  async versionOf(sessionId: string): Promise<Version> {
    return (await this.log.read(sessionId)).at(-1)?.position ?? 0
  }

  /** The first event of a trail after a version. */
  async nextOf(sessionId: string, after: Version): Promise<Position | null> {
    return (await this.log.read(sessionId, after))[0]?.position ?? null
  }
}
