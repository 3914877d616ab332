/**
 * Reading views. What is stored is a cache that some runner's projector keeps; a reader folds what the log has beyond
 * it with the very same reducer. So a read always shows at least what was in the log when it was asked, whether or not
 * anybody projects right now.
 */
import type { RecordedEvent } from '../events/envelope.ts'
import type { Position, SessionId } from '../events/ids.ts'
import { nounOf } from '../events/session-events.ts'
import { projections, type DocumentOf, type ViewName } from '../projections/catalog.ts'
import { applyEvent, type Projection, type Stored } from '../projections/projection.ts'
import type { ClientPorts, LogItem } from './ports.ts'
import { parkedIfStray, soundLog } from './sound-log.ts'

export type ViewDocument<Name extends ViewName> = { key: string; position: Position; document: DocumentOf<Name> }

/** Name under which a view's documents are stored: another version of its definition is another store. */
export function storeNameOf(projection: { name: string; version: number }): string {
  return projection.version === 1 ? projection.name : `${projection.name}-v${projection.version}`
}

export function projectionOf<Name extends ViewName>(view: Name): Projection<DocumentOf<Name>> {
  return projections[view] as Projection<DocumentOf<Name>>
}

export function recorded(item: LogItem): RecordedEvent | null {
  return item.kind === 'event' ? { ...item.event, position: item.position } : null
}

/** One document as of now; null when the key has none. Throws `log_unreachable`. */
export async function readView<Name extends ViewName>(
  ports: ClientPorts,
  view: Name,
  key: string,
): Promise<ViewDocument<Name> | null> {
  const projection = projectionOf(view)
  const sessionId = sessionOfKey(view, key)
  const stored =
    sessionId === null
      ? await readAcross(ports, projection, key)
      : await readOfSession(ports, projection, key, sessionId)
  return stored === null || stored.document === null
    ? null
    : { key, position: stored.position, document: stored.document }
}

/** A document that one trail alone decides: what is stored, and the rest of that trail. */
async function readOfSession<Document>(
  { views, log }: ClientPorts,
  projection: Projection<Document>,
  key: string,
  sessionId: SessionId,
): Promise<Stored<Document> | null> {
  let stored = (await views.get(storeNameOf(projection), key)) as Stored<Document> | null
  for (const item of await log.read(sessionId, stored?.position ?? 0)) {
    stored = take(projection, key, stored, await parkedIfStray(log, item))
  }
  return stored
}

/** A document that several sessions may change: what is stored, and what the log has beyond the view's checkpoint. */
export async function readAcross<Document>(
  ports: ClientPorts,
  projection: Projection<Document>,
  key: string,
): Promise<Stored<Document> | null> {
  const { views } = ports
  // The checkpoint is read first: a document stored meanwhile is newer than it, and what it has is not applied twice.
  const after = await views.checkpoint(storeNameOf(projection))
  let stored = (await views.get(storeNameOf(projection), key)) as Stored<Document> | null
  for await (const item of soundLog(ports, { after, filter: { nouns: projection.nouns }, once: true })) {
    stored = take(projection, key, stored, item)
  }
  return stored
}

/** All documents as of now, by key. Throws `log_unreachable`. */
export async function listView<Name extends ViewName>(ports: ClientPorts, view: Name): Promise<ViewDocument<Name>[]> {
  const projection = projectionOf(view)
  const name = storeNameOf(projection)
  const before = await ports.views.checkpoint(name)
  const documents = new Map<string, Stored<DocumentOf<Name>>>()
  for await (const stored of ports.views.list(name)) documents.set(stored.key, stored as Stored<DocumentOf<Name>>)
  // Lower now, if what was listed had been cleared or lost before all of it was read.
  const after = Math.min(before, await ports.views.checkpoint(name))
  await foldLog(ports, projection, { after }, documents)
  return asList(documents)
}

/** All documents as of a position, from the log alone. Throws `log_unreachable`. */
export async function viewAt<Name extends ViewName>(
  ports: ClientPorts,
  view: Name,
  at: Position,
): Promise<ViewDocument<Name>[]> {
  const documents = new Map<string, Stored<DocumentOf<Name>>>()
  await foldLog(ports, projectionOf(view), { after: 0, upTo: at }, documents)
  return asList(documents)
}

/** Folds a span of the log onto documents. */
export async function foldLog<Document>(
  ports: ClientPorts,
  projection: Projection<Document>,
  span: { after: Position; upTo?: Position },
  documents: Map<string, Stored<Document>>,
): Promise<void> {
  for await (const item of soundLog(ports, {
    after: span.after,
    filter: { nouns: projection.nouns },
    once: true,
  })) {
    if (span.upTo !== undefined && item.position > span.upTo) return
    const event = recorded(item)
    if (event === null) continue
    for (const key of projection.keysOf(event)) {
      documents.set(key, applyEvent(projection, documents.get(key) ?? null, event))
    }
  }
}

function take<Document>(
  projection: Projection<Document>,
  key: string,
  stored: Stored<Document> | null,
  item: LogItem,
): Stored<Document> | null {
  const event = recorded(item)
  return event !== null && reads(projection, event) && projection.keysOf(event).includes(key)
    ? applyEvent(projection, stored, event)
    : stored
}

/** A whole trail holds events of other nouns too; applied, they would move the document's position past where a fold of the view leaves it. */
function reads({ nouns }: Projection<unknown>, event: RecordedEvent): boolean {
  return nouns === undefined || nouns.includes(nounOf(event.type))
}

function asList<Name extends ViewName>(documents: Map<string, Stored<DocumentOf<Name>>>): ViewDocument<Name>[] {
  return [...documents].flatMap(([key, { position, document }]) =>
    document === null ? [] : [{ key, position, document }],
  )
}

/** The session whose trail alone decides a document; null when several sessions may. */
export function sessionOfKey(view: string, key: string): string | null {
  if (view === 'vericify') return null
  return view === 'audits' ? (key.split('/')[0] ?? key) : key
}
