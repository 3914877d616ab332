/** Every view by its name: all it takes to find what is stored of it. What makes its documents takes long to load. */

/**
 * Where a view is stored. The version is raised whenever the same events give another document; it is then rebuilt.
 * `toldOnce`: a field of its documents that is null as long as they are still being made; until then none is told.
 */
export type Store = { readonly name: string; readonly version: number; readonly toldOnce?: string }

export const VIEWS = {
  registry: { name: 'registry', version: 1 },
  'runtime-status': { name: 'runtime-status', version: 1 },
  transitions: { name: 'transitions', version: 1 },
  vericify: { name: 'vericify', version: 1 },
  'status-events': { name: 'status-events', version: 1 },
  ledger: { name: 'ledger', version: 1, toldOnce: 'recorded_at' },
  audits: { name: 'audits', version: 1 },
} as const satisfies Record<string, Store>

/** Kept beside the views for the runtime's own use: each answers by one document, without reading all the others. */
export const INDEXES = {
  openSessions: { name: 'open-sessions', version: 1 },
  recentSessions: { name: 'recent-sessions', version: 1 },
  relatedSessions: { name: 'related-sessions', version: 1 },
} as const satisfies Record<string, Store>

/** The name of a view, as `swarm.view` takes it. */
export type ViewName = keyof typeof VIEWS
export type IndexName = keyof typeof INDEXES

/** Every view there is. */
export const VIEW_NAMES = Object.keys(VIEWS) as ViewName[]

export function isViewName(name: string): name is ViewName {
  return Object.hasOwn(VIEWS, name)
}

/** Name under which a view's documents are stored: another version of its definition is another store. */
export function storeNameOf({ name, version }: Store): string {
  return version === 1 ? name : `${name}-v${version}`
}

export const RECENT_SESSIONS_KEY = 'newest'
export const RECENT_SESSIONS_MAX = 1_000
