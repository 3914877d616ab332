/** Views in memory, as JSON, so that what is read is never the object that was stored. */
import type { Position } from '../../events/ids.ts'
import { SwarmError } from '../../runtime/errors.ts'
import type { StoredDocument, ViewStore } from '../../runtime/ports.ts'

/** Nothing is ever lost here. */
const GENERATION = ''

type Stored = { position: Position; json: string }
type View = { documents: Map<string, Stored>; checkpoint: Position }

export function memoryViewStore(): ViewStore {
  const views = new Map<string, View>()
  const viewOf = (name: string): View => {
    const view = views.get(name) ?? { documents: new Map<string, Stored>(), checkpoint: 0 }
    views.set(name, view)
    return view
  }
  return {
    async get(view, key) {
      const stored = viewOf(view).documents.get(key)
      return stored === undefined ? null : documentOf(key, stored)
    },
    async find(view, keys) {
      const { documents } = viewOf(view)
      return [...new Set(keys)].flatMap((key) => {
        const stored = documents.get(key)
        return stored === undefined ? [] : [documentOf(key, stored)]
      })
    },
    async *list(view) {
      for (const [key, stored] of viewOf(view).documents) yield documentOf(key, stored)
    },
    async put(view, documents) {
      const stored = viewOf(view).documents
      for (const { key, position, document } of documents) {
        if ((stored.get(key)?.position ?? -1) > position) continue
        stored.set(key, { position, json: JSON.stringify({ document }) })
      }
    },
    async remove(view, documents) {
      const stored = viewOf(view).documents
      for (const { key, position } of documents) if (stored.get(key)?.position === position) stored.delete(key)
    },
    async checkpoint(view) {
      return viewOf(view).checkpoint
    },
    async setCheckpoint(view, position, since) {
      const { checkpoint } = viewOf(view)
      if (since !== undefined && (since.generation !== GENERATION || since.checkpoint > checkpoint))
        throw new SwarmError('view_lost', `what was stored of ${view} is not there any more`)
      viewOf(view).checkpoint = position
    },
    generation: () => GENERATION,
    async clear(view) {
      views.delete(view)
    },
  }
}

function documentOf(key: string, { position, json }: Stored): StoredDocument {
  return { key, position, document: (JSON.parse(json) as { document: unknown }).document }
}
