/** Which artifacts the events of an export name, and whether it carries these, once each, and no others. */
import type { SessionId } from '../../events/ids.ts'
import type { LogEvent } from '../ports.ts'
import type { BadEvent } from '../verify.ts'
import { artifactsOf } from './export-artifacts.ts'
import { corrupt } from './trail-file.ts'

type Naming = Pick<BadEvent, 'position' | 'id'>

export type ArtifactAccount = {
  name(item: LogEvent): void
  /** Throws `history_corrupt` for one that was carried before. */
  carry(line: number, sha256: string): void
  /** The first event of each session that names what was not carried. */
  missing(): ReadonlyMap<SessionId, BadEvent>
  /** Throws `history_corrupt` for what was carried and no event names. */
  refuseForeign(): void
}

export function artifactAccount(): ArtifactAccount {
  const namings = new Map<string, Map<SessionId, Naming>>()
  const carried = new Map<string, number>()
  return {
    name({ event, position }) {
      for (const { sha256 } of artifactsOf(event)) {
        const sessions = namings.get(sha256) ?? new Map<SessionId, Naming>()
        if (!sessions.has(event.subject)) sessions.set(event.subject, { position, id: event.id })
        namings.set(sha256, sessions)
      }
    },
    carry(line, sha256) {
      if (carried.has(sha256)) throw corrupt(line, `the artifact ${sha256} a second time`)
      carried.set(sha256, line)
    },
    missing() {
      const first = new Map<SessionId, BadEvent>()
      for (const [sha256, sessions] of namings) {
        if (carried.has(sha256)) continue
        for (const [sessionId, naming] of sessions) {
          if (naming.position >= (first.get(sessionId)?.position ?? Infinity)) continue
          first.set(sessionId, { ...naming, reason: `artifact: ${sha256} is missing from the file` })
        }
      }
      return first
    },
    refuseForeign() {
      for (const [sha256, line] of carried)
        if (!namings.has(sha256)) throw corrupt(line, `the artifact ${sha256}, which no event names`)
    },
  }
}
