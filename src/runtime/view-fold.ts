/** Folds what the log has beyond what is stored of a view. */
import type { Position } from '../events/ids.ts'
import { nounOf } from '../events/session-events.ts'
import { projectionOf, type DocumentOf, type Kept } from '../projections/catalog.ts'
import type { IndexName, ViewName } from '../projections/names.ts'
import { applyEvent, type Projection, type Stored } from '../projections/projection.ts'
import { recorded } from './log-item.ts'
import type { ClientPorts, EventLog, LogEvent, LogItem, LogParked } from './ports.ts'
import { parkedIfStray, soundLog } from './sound-log.ts'

/** Folds a span of the log onto documents. */
export async function foldLog<Name extends ViewName>(
  ports: ClientPorts,
  view: Name,
  span: { after: Position; upTo?: Position },
  documents: Map<string, Stored<DocumentOf<Name>>>,
): Promise<void> {
  const projection = projectionOf(view)
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

/** Folds what the log has after a position onto one document. */
export async function foldOnto<Name extends ViewName | IndexName>(
  ports: ClientPorts,
  name: Name,
  key: string,
  { stored, after }: { stored: Stored<Kept<Name>> | null; after: Position },
): Promise<Stored<Kept<Name>> | null> {
  const projection = projectionOf(name)
  let folded = stored
  for await (const item of soundLog(ports, { after, filter: { nouns: projection.nouns }, once: true })) {
    folded = take(projection, key, folded, item)
  }
  return folded
}

/** Folds a part of a trail onto the document that this trail alone decides. */
export async function foldTrail<Name extends ViewName>(
  log: EventLog,
  view: Name,
  key: string,
  { stored, items }: { stored: Stored<DocumentOf<Name>> | null; items: readonly (LogEvent | LogParked)[] },
): Promise<Stored<DocumentOf<Name>> | null> {
  const projection = projectionOf(view)
  let folded = stored
  for (const item of items) folded = take(projection, key, folded, await parkedIfStray(log, item))
  return folded
}

function take<Document>(
  projection: Projection<Document>,
  key: string,
  stored: Stored<Document> | null,
  item: LogItem,
): Stored<Document> | null {
  const event = recorded(item)
  // A whole trail holds events of other nouns too; applied, they would move the document's position past where a fold of
  // the view leaves it.
  const isRead = event !== null && (projection.nouns === undefined || projection.nouns.includes(nounOf(event.type)))
  return isRead && projection.keysOf(event).includes(key) ? applyEvent(projection, stored, event) : stored
}
