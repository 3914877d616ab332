/** Every view by its name. */
import type { z } from 'zod'
import { audits } from './audits.ts'
import { ledger } from './ledger.ts'
import { openSessions } from './open-sessions.ts'
import { recentSessions } from './recent-sessions.ts'
import { relatedSessions } from './related-sessions.ts'
import { registry } from './registry.ts'
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
} as const

/** Kept beside the views for the runtime's own use: each answers by one document, without reading all the others. */
export const indexes = { openSessions, recentSessions, relatedSessions } as const

/** The name of a view, as `swarm.view` takes it. */
export type ViewName = keyof typeof projections
/** The document of a view. */
export type DocumentOf<Name extends ViewName> = z.output<(typeof projections)[Name]['schema']>

/** Every view there is. */
export const VIEW_NAMES = Object.keys(projections) as ViewName[]

export function isViewName(name: string): name is ViewName {
  return Object.hasOwn(projections, name)
}
