/**
 * Proves the stored views: folds the log from zero beside what is stored, says what differs, and puts it right. Each
 * stored document is compared as of its own position, so one that only waits for its projector is no difference.
 * Readers see a complete view all the time: documents are replaced one by one, and the checkpoint comes last.
 */
import { canonicalJson } from '../events/canonical-json.ts'
import type { Position } from '../events/ids.ts'
import { type ViewName, storeNameOf } from '../projections/names.ts'
import { projectionOf } from '../projections/catalog.ts'
import { recorded } from './log-item.ts'
import { applyEvent, type Projection, type Stored } from '../projections/projection.ts'
import type { ClientPorts, StoredDocument } from './ports.ts'
import { soundLog } from './sound-log.ts'
import type { OnProgress } from './verify-history.ts'

/** What was found when a view was folded anew. */
export type Rebuilt = {
  view: string
  /** Events that the view reads. */
  events: number
  documents: number
  /** Stored documents that were not what the log says: other, missing, stale or too many. */
  changed: number
  duration_ms: number
}

type Ports = Pick<ClientPorts, 'log' | 'views' | 'clock'>

const PROGRESS_EVENTS = 10_000
const PUT_DOCUMENTS_MAX = 500

/**
 * Throws `log_unreachable`, or `view_lost` when the server was lost meanwhile. Runners may go on; one that projects keeps
 * what it has in memory.
 */
export function rebuildView(ports: Ports, view: ViewName, onProgress?: OnProgress): Promise<Rebuilt> {
  return rebuildProjection(ports, projectionOf(view) as Projection<unknown>, onProgress)
}

export async function rebuildProjection(
  ports: Ports,
  projection: Projection<unknown>,
  onProgress?: OnProgress,
): Promise<Rebuilt> {
  const startedMs = ports.clock.monotonic()
  const name = storeNameOf(projection)
  const generation = ports.views.generation()
  const served = await readServed(ports, name)
  const folded = await foldBeside(ports, projection, served, onProgress)
  const changed = differing(served, folded)
  await replace(ports, name, served, folded)
  await complete(ports, name, folded, generation)
  return {
    view: projection.name,
    events: folded.events,
    documents: [...folded.documents.values()].filter(({ document }) => document !== null).length,
    changed,
    duration_ms: Math.round(ports.clock.monotonic() - startedMs),
  }
}

/** What is stored, and up to where it claims to be complete. */
type Served = { documents: ReadonlyMap<string, StoredDocument>; checkpoint: Position }
type Documents = Map<string, Stored<unknown>>
type Folded = {
  documents: Documents
  /** The same, each as of the moment up to which a reader is shown what is stored. */
  served: Documents
  events: number
  /** All that is in the log up to here was read. */
  head: Position
}

/** The checkpoint first: what it speaks for had been stored before it. */
async function readServed({ views }: Ports, name: string): Promise<Served> {
  const checkpoint = await views.checkpoint(name)
  const documents = new Map<string, StoredDocument>()
  for await (const stored of views.list(name)) documents.set(stored.key, stored)
  return { documents, checkpoint }
}

async function foldBeside(
  ports: Ports,
  projection: Projection<unknown>,
  { documents: stored, checkpoint }: Served,
  onProgress?: OnProgress,
): Promise<Folded> {
  const folded: Folded = { documents: new Map(), served: new Map(), events: 0, head: await ports.log.head() }
  const goal = folded.head
  for await (const item of soundLog(ports, { after: 0, filter: { nouns: projection.nouns }, once: true })) {
    folded.head = Math.max(folded.head, item.position)
    const event = recorded(item)
    if (event === null) continue
    for (const key of projection.keysOf(event)) {
      const next = applyEvent(projection, folded.documents.get(key) ?? null, event)
      folded.documents.set(key, next)
      if (event.position <= Math.max(checkpoint, stored.get(key)?.position ?? 0)) folded.served.set(key, next)
    }
    folded.events += 1
    if (folded.events % PROGRESS_EVENTS === 0) onProgress?.(event.position, goal)
  }
  return folded
}

function differing(served: Served, folded: Folded): number {
  const keys = new Set([...served.documents.keys(), ...folded.served.keys()])
  return [...keys].filter((key) => {
    const stored = served.documents.get(key)
    if (stored !== undefined && (isAhead(stored, folded) || stored.document === null)) return true
    return !sameDocument(stored?.document, folded.served.get(key)?.document)
  }).length
}

/** No event can have led to such a position: somebody else wrote it, or another log had it. */
function isAhead({ position }: StoredDocument, { head }: Folded): boolean {
  return position > head
}

async function replace({ views }: Ports, name: string, served: Served, folded: Folded): Promise<void> {
  const stored = [...served.documents.values()]
  const ahead = stored.filter((one) => isAhead(one, folded))
  // They give way to nothing, so they are taken out; until all is there again the view is not complete.
  if (ahead.length > 0) await views.setCheckpoint(name, 0)
  const tooMany = stored.filter(({ key }) => (folded.documents.get(key)?.document ?? null) === null)
  await views.remove(name, [...ahead, ...tooMany])
  const due = [...documentsDue(served.documents, folded)]
  for (let at = 0; at < due.length; at += PUT_DOCUMENTS_MAX)
    await views.put(name, due.slice(at, at + PUT_DOCUMENTS_MAX))
}

/** What has to be stored: all that is not there as it should be. */
function* documentsDue(stored: Served['documents'], folded: Folded): Generator<StoredDocument> {
  for (const [key, { position, document }] of folded.documents) {
    if (document === null) continue
    const there = stored.get(key)
    // As of a later position it is the same document still, and only that makes what is there give way.
    const asOf = there === undefined || isAhead(there, folded) ? position : Math.max(position, there.position)
    if (there?.position === asOf && sameDocument(there.document, document)) continue
    yield { key, position: asOf, document }
  }
}

/** The checkpoint of a projector that is further already stays as it is. */
async function complete({ views, log }: Ports, name: string, { head }: Folded, generation: string): Promise<void> {
  const checkpoint = await views.checkpoint(name)
  if (checkpoint >= head && checkpoint <= (await log.head())) return
  await views.setCheckpoint(name, head, { generation, checkpoint: 0 })
}

/** As JSON, in which documents are stored; a key that no event has opened is the same as no key. */
export function sameDocument(one: unknown, other: unknown): boolean {
  return canonicalJson(one ?? null) === canonicalJson(other ?? null)
}
