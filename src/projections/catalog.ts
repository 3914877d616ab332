/** What makes the documents of every view. */
import type { z } from 'zod'
import { audits } from './audits.ts'
import { ledger } from './ledger.ts'
import type { IndexName, ViewName } from './names.ts'
import { openSessions } from './open-sessions.ts'
import type { Projection } from './projection.ts'
import { recentSessions } from './recent-sessions.ts'
import { registry } from './registry.ts'
import { relatedSessions } from './related-sessions.ts'
import { runtimeStatus } from './runtime-status.ts'
import { statusEvents } from './status-events.ts'
import { transitions } from './transitions.ts'
import { vericify } from './vericify.ts'

export const projections = {
  registry,
  'runtime-status': runtimeStatus,
  transitions,
  vericify,
  'status-events': statusEvents,
  ledger,
  audits,
} as const satisfies Record<ViewName, unknown>

export const indexes = { openSessions, recentSessions, relatedSessions } as const satisfies Record<IndexName, unknown>

const kept = { ...projections, ...indexes }

/** The document of a view or an index. */
export type Kept<Name extends ViewName | IndexName> = z.output<(typeof kept)[Name]['schema']>
/** The document of a view. */
export type DocumentOf<Name extends ViewName> = Kept<Name>

export function projectionOf<Name extends ViewName | IndexName>(name: Name): Projection<Kept<Name>> {
  return kept[name] as Projection<Kept<Name>>
}
