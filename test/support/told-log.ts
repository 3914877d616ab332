/** Logs in memory that hold legal histories of several sessions, interleaved, as a swarm leaves them behind. */
import fc from 'fast-check'
import { artifactCodec } from '../../src/adapters/files/artifact-codec.ts'
import { memoryArtifactStore } from '../../src/adapters/memory/artifact-store.ts'
import { memoryEventLog, type MemoryEventLog } from '../../src/adapters/memory/event-log.ts'
import { memoryViewStore } from '../../src/adapters/memory/view-store.ts'
import { systemClock } from '../../src/adapters/system/clock.ts'
import { uuidv7Ids } from '../../src/adapters/system/ids.ts'
import { silentLogger } from '../../src/adapters/system/silent-logger.ts'
import { NO_HASH, type SwarmEvent } from '../../src/events/envelope.ts'
import { sealEvent } from '../../src/events/hash-chain.ts'
import type { ArtifactRef } from '../../src/events/parts.ts'
import type { SessionFact } from '../../src/events/session-events.ts'
import type { ClientPorts, EventLog } from '../../src/runtime/ports.ts'
import { exportTrails, type ExportOptions } from '../../src/runtime/transfer/export-trails.ts'
import type { FileLine } from '../../src/runtime/transfer/trail-file.ts'
import { sha256 } from './events.ts'
import { artifact as placeholder } from './facts.ts'
import { eventsOf, finished, histories, type History } from './histories.ts'

export const codec = artifactCodec

export type MemoryPorts = ClientPorts & { log: MemoryEventLog }

export function memoryPorts(): MemoryPorts {
  return {
    log: memoryEventLog(sha256),
    artifacts: memoryArtifactStore(),
    views: memoryViewStore(),
    clock: systemClock(),
    ids: uuidv7Ids(),
    logger: silentLogger(),
    sha256,
  }
}

/** The events of a history of session S1, as another session's own; where given, all its artifacts are that one. */
export function eventsAs(
  sessionId: string,
  history: History,
  { run = sessionId, artifact = placeholder }: { run?: string; artifact?: ArtifactRef } = {},
): SwarmEvent[] {
  let prevHash = NO_HASH
  return eventsOf(history).map(({ type, data, id, time }) => {
    const own = JSON.stringify(data)
      .replaceAll('"S1.', `"${sessionId}.`)
      .replaceAll('"session_id":"S1"', `"session_id":"${sessionId}"`)
      .replaceAll(JSON.stringify(placeholder), JSON.stringify(artifact))
    const fact = { type, data: JSON.parse(own) as unknown } as SessionFact
    const seal = { id, source: 'runner/test', sessionId, time, correlationId: run, causationId: id, prevHash }
    const event = sealEvent(fact, seal, sha256)
    prevHash = event.hash
    return event
  })
}

/** Appends several trails' events in turn, as many of each at a time as the numbers say. */
export async function appendInterleaved(
  log: EventLog,
  trails: readonly SwarmEvent[][],
  turns: readonly number[] = [1],
) {
  const rest = trails.map((events) => ({ events: [...events], version: 0 }))
  for (let n = 0; rest.some(({ events }) => events.length > 0); n++) {
    const trail = rest[n % rest.length]
    for (const event of trail?.events.splice(0, turns[n % turns.length] ?? 1) ?? []) {
      if (trail !== undefined) trail.version = await log.append(event, trail.version)
    }
  }
}

export type ToldLog = { trails: SwarmEvent[][]; turns: number[] }

/** One to four sessions of one piece of work, finished and unfinished. */
export const toldLogs: fc.Arbitrary<ToldLog> = fc.record({
  trails: fc
    .array(fc.oneof(finished, histories), { minLength: 1, maxLength: 4 })
    .map((told) => told.map((history, n) => eventsAs(`S${n + 1}`, history, n % 2 === 0 ? { run: 'run' } : {}))),
  turns: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }),
})

export async function exported(ports: MemoryPorts, options: ExportOptions = {}): Promise<string[]> {
  const lines: string[] = []
  for await (const line of exportTrails(ports, options)) lines.push(line)
  return lines
}

export async function* fileOf(lines: readonly string[]): AsyncGenerator<FileLine> {
  for (const [index, text] of lines.entries()) yield { line: index + 1, text }
}
