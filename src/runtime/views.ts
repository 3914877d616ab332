/**
 * Reading views. What is stored is a cache that some runner's projector keeps; a reader folds what the log has beyond
 * it with the very same reducer. So a read always shows at least what was in the log when it was asked, whether or not
 * anybody projects right now. What folds is loaded when there is something to fold: it takes longer than the reading.
 */
import type { Position, SessionId } from '../events/ids.ts'
import type { DocumentOf, Kept } from '../projections/catalog.ts'
import { INDEXES, storeNameOf, VIEWS, type IndexName, type Store, type ViewName } from '../projections/names.ts'
import type { Stored } from '../projections/projection.ts'
import type { ClientPorts } from './ports.ts'
import { completeTo, storedDocument, storedView } from './stored-view.ts'

export type ViewDocument<Name extends ViewName> = { key: string; position: Position; document: DocumentOf<Name> }

const STORES: Readonly<Record<ViewName | IndexName, Store>> = { ...VIEWS, ...INDEXES }

const load = () => import('./view-fold.ts')
let loaded: Awaited<ReturnType<typeof load>> | undefined
/** What folds. Who will need it later, when it may not be there to be loaded any more, asks for it before. */
export async function folding() {
  return (loaded ??= await load())
}

/** One document as of now; null when the key has none. Throws `log_unreachable`. */
export async function readView<Name extends ViewName>(
  ports: ClientPorts,
  view: Name,
  key: string,
): Promise<ViewDocument<Name> | null> {
  const sessionId = sessionOfKey(view, key)
  const stored =
    sessionId === null ? await readAcross(ports, view, key) : await readOfSession(ports, view, key, sessionId)
  return stored === null ? null : toldOf(view, key, stored)
}

/** Those of the documents that there are. */
export async function readViews<Name extends ViewName>(
  ports: ClientPorts,
  view: Name,
  keys: readonly string[],
): Promise<DocumentOf<Name>[]> {
  const found = await Promise.all(keys.map((key) => readView(ports, view, key)))
  return found.flatMap((read) => (read === null ? [] : [read.document]))
}

/** A document that one trail alone decides: what is stored, and the rest of that trail. */
async function readOfSession<Name extends ViewName>(
  ports: ClientPorts,
  view: Name,
  key: string,
  sessionId: SessionId,
): Promise<Stored<DocumentOf<Name>> | null> {
  const found = await storedDocument(ports, VIEWS[view], key)
  const stored = found.stored as Stored<DocumentOf<Name>> | null
  const items = await ports.log.read(sessionId, stored?.position ?? 0)
  if (items.length === 0) return stored
  const { foldTrail } = await folding()
  return foldTrail(ports.log, view, key, { stored, items })
}

/** A document that several sessions may change: what is stored, and what the log has beyond the view's checkpoint. */
export async function readAcross<Name extends ViewName | IndexName>(
  ports: ClientPorts,
  name: Name,
  key: string,
): Promise<Stored<Kept<Name>> | null> {
  const { views } = ports
  const store = STORES[name]
  // The checkpoint is read first: a document stored meanwhile is newer than it, and what it has is not applied twice.
  const before = await views.checkpoint(storeNameOf(store))
  const found = await storedDocument(ports, store, key)
  const now = await views.checkpoint(storeNameOf(store))
  const after = found.isForeign ? 0 : completeTo(before, now, found.head)
  const stored = found.stored as Stored<Kept<Name>> | null
  if (found.head <= after) return stored
  const { foldOnto } = await folding()
  return foldOnto(ports, name, key, { stored, after })
}

/** All documents as of now, by key. Throws `log_unreachable`. */
export async function listView<Name extends ViewName>(ports: ClientPorts, view: Name): Promise<ViewDocument<Name>[]> {
  const found = await storedView(ports, VIEWS[view])
  const documents = found.documents as Map<string, Stored<DocumentOf<Name>>>
  if (found.head > found.completeTo) {
    const { foldLog } = await folding()
    await foldLog(ports, view, { after: found.completeTo }, documents)
  }
  return asList(view, documents)
}

/** All documents as of a position, from the log alone. Throws `log_unreachable`. */
export async function viewAt<Name extends ViewName>(
  ports: ClientPorts,
  view: Name,
  at: Position,
): Promise<ViewDocument<Name>[]> {
  const documents = new Map<string, Stored<DocumentOf<Name>>>()
  const { foldLog } = await folding()
  await foldLog(ports, view, { after: 0, upTo: at }, documents)
  return asList(view, documents)
}

function asList<Name extends ViewName>(
  view: Name,
  documents: Map<string, Stored<DocumentOf<Name>>>,
): ViewDocument<Name>[] {
  return [...documents].map(([key, stored]) => toldOf(view, key, stored)).filter((told) => told !== null)
}

/** What readers are told of what is stored: nothing of a document that is still being made. */
function toldOf<Name extends ViewName>(
  view: Name,
  key: string,
  { position, document }: Stored<DocumentOf<Name>>,
): ViewDocument<Name> | null {
  const { toldOnce }: Store = VIEWS[view]
  const isTold = document !== null && (toldOnce === undefined || document[toldOnce as keyof typeof document] !== null)
  return isTold ? { key, position, document } : null
}

/** The session whose trail alone decides a document; null when several sessions may. */
export function sessionOfKey(view: string, key: string): string | null {
  if (view === 'vericify') return null
  return view === 'audits' ? (key.split('/')[0] ?? key) : key
}
