/**
 * What is stored of a view, as far as the log can have led to it. Anybody who may write there may have put something
 * else, and a log that was restored from a backup may end before what its views have seen. What can't be a document of
 * the view counts as missing, and then nobody knows what else is: the view is complete up to nowhere, so that all of it
 * is folded from the log.
 */
import type { Position } from '../events/ids.ts'
import { storeNameOf, type Store } from '../projections/names.ts'
import { hasShape } from '../projections/shapes.ts'
import type { ClientPorts, StoredDocument } from './ports.ts'

type Ports = Pick<ClientPorts, 'views' | 'log'>

/** All documents by key, up to where they are complete, and the log's end after they were read. */
export type StoredView = { documents: Map<string, StoredDocument>; completeTo: Position; head: Position }

/** Throws `log_unreachable`. */
export async function storedView(ports: Ports, store: Store): Promise<StoredView> {
  const name = storeNameOf(store)
  // The checkpoint first: what it speaks for had been stored before it.
  const before = await ports.views.checkpoint(name)
  const all: StoredDocument[] = []
  for await (const stored of ports.views.list(name)) all.push(stored)
  const [now, head] = await Promise.all([ports.views.checkpoint(name), ports.log.head()])
  const ours = all.filter((stored) => isDocument(store, stored, head))
  return {
    documents: new Map(ours.map((stored) => [stored.key, stored])),
    completeTo: ours.length < all.length ? 0 : completeTo(before, now, head),
    head,
  }
}

/** What is stored under a key; `isForeign`: something, but no document of the view. */
export async function storedDocument(
  ports: Ports,
  store: Store,
  key: string,
): Promise<{ stored: StoredDocument | null; isForeign: boolean; head: Position }> {
  const found = await ports.views.get(storeNameOf(store), key)
  const head = await ports.log.head()
  const isForeign = found !== null && !isDocument(store, found, head)
  return { stored: isForeign ? null : found, isForeign, head }
}

/** What is stored of a view and is no document of it. */
export async function foreignIn({ views, log }: Ports, store: Store): Promise<StoredDocument[]> {
  const before = await log.head()
  const suspects: StoredDocument[] = []
  for await (const stored of views.list(storeNameOf(store)))
    if (!isDocument(store, stored, before)) suspects.push(stored)
  if (suspects.length === 0) return []
  const head = await log.head()
  return suspects.filter((stored) => !isDocument(store, stored, head))
}

/** `head`: the log's end, asked for after the document was read, since others write meanwhile. */
export function isDocument({ name }: Store, { position, document }: StoredDocument, head: Position): boolean {
  return position <= head && hasShape(name, document)
}

/**
 * Up to where documents are complete that were read between two looks at their checkpoint: it is lower afterwards when
 * they had been lost or given up, and beyond the log's end it speaks for another log.
 */
export function completeTo(before: Position, now: Position, head: Position): Position {
  return before > head ? 0 : Math.min(before, now)
}

/** Up to where a view is complete, for whoever keeps it on; one that speaks for another log is given up. */
export async function completeOrGivenUp(ports: Ports, store: Store): Promise<Position> {
  const checkpoint = await ports.views.checkpoint(storeNameOf(store))
  if (checkpoint <= (await ports.log.head())) return checkpoint
  await giveUp(ports, store)
  return 0
}

/** All of the view is to be folded again, and what would not give way to a document of it is taken out. */
export async function giveUp(ports: Ports, store: Store): Promise<void> {
  const name = storeNameOf(store)
  await ports.views.setCheckpoint(name, 0)
  await ports.views.remove(name, await foreignIn(ports, store))
}
