/**
 * Finds every message on an event subject that is no event of this release, and corrects the stored list. What an
 * earlier release could not decode and this one can is taken off it; the views have it by their own rebuild.
 */
import type { Position } from '../events/ids.ts'
import type { ClientPorts, LogParked, StoredDocument } from './ports.ts'
import { PARKED_STORE } from './projector.ts'
import { sameDocument, type Rebuilt } from './rebuild.ts'
import { soundLog } from './sound-log.ts'
import type { OnProgress } from './verify-history.ts'

export type ParkedDocument = { position: Position; subject: string; code: string; reason: string }

type Ports = Pick<ClientPorts, 'log' | 'views' | 'clock'>

const PROGRESS_EVENTS = 10_000

/** Throws `log_unreachable`. */
export async function rebuildParked(
  ports: Ports,
  onProgress?: OnProgress,
): Promise<{ rebuilt: Rebuilt; parked: ParkedDocument[] }> {
  const startedMs = ports.clock.monotonic()
  const stored = new Map<string, unknown>()
  for await (const { key, document } of ports.views.list(PARKED_STORE)) stored.set(key, document)
  const { parked, messages, head } = await findParked(ports, 0, onProgress)
  const found = new Map(parked.map((document) => [String(document.position), document]))
  const gone = [...stored.keys()].some((key) => !found.has(key))
  if (gone) await ports.views.clear(PARKED_STORE)
  await put(ports, parked)
  // A projector may have stored one between the reading and the clearing.
  if (gone) await put(ports, (await findParked(ports, head)).parked)
  const changed = [...new Set([...stored.keys(), ...found.keys()])].filter(
    (key) => !sameDocument(stored.get(key), found.get(key)),
  ).length
  const duration_ms = Math.round(ports.clock.monotonic() - startedMs)
  return { rebuilt: { view: PARKED_STORE, events: messages, documents: parked.length, changed, duration_ms }, parked }
}

async function findParked(ports: Ports, after: Position, onProgress?: OnProgress) {
  const parked: ParkedDocument[] = []
  let messages = 0
  let head = await ports.log.head()
  const goal = head
  for await (const item of soundLog(ports, { after, once: true })) {
    head = Math.max(head, item.position)
    if (item.kind === 'caught_up') continue
    if (item.kind === 'parked') parked.push(documentOf(item))
    messages += 1
    if (messages % PROGRESS_EVENTS === 0) onProgress?.(item.position, goal)
  }
  return { parked, messages, head }
}

function documentOf({ position, subject, code, reason }: LogParked): ParkedDocument {
  return { position, subject, code, reason }
}

async function put({ views }: Ports, parked: readonly ParkedDocument[]): Promise<void> {
  const documents = parked.map((document): StoredDocument => {
    return { key: String(document.position), position: document.position, document }
  })
  await views.put(PARKED_STORE, documents)
}
