/** Keeps the files that ACE's tools read current, from the stored views and what the log has beyond them. */
import { toTimestamp } from '../../events/timestamp.ts'
import { ACE_FILES, aceBridge, acePosts, aceRegistry } from '../../projections/ace-export.ts'
import { applyEvent, type Projection, type Stored } from '../../projections/projection.ts'
import type { ClientPorts, LogItem } from '../ports.ts'
import { soundLog } from '../sound-log.ts'
import { type DocumentOf, projectionOf } from '../../projections/catalog.ts'
import { recorded } from '../log-item.ts'
import { storedView } from '../stored-view.ts'

/** Replaces a file as a whole; the path is relative to the directory of the export. */
export type WriteFile = (path: string, text: string) => Promise<void>

type Ports = Pick<ClientPorts, 'log' | 'views' | 'clock'>

const FLUSH_INTERVAL_MS = 250

/** Writes the files as of now. Throws `log_unreachable` and what the writer throws. */
export async function exportAce(ports: Ports, write: WriteFile): Promise<void> {
  const files = await openFiles(ports, write)
  for await (const item of soundLog(ports, { after: files.after, once: true })) files.take(item)
  await files.flush()
}

/** Writes the files as of now, and anew soon after anything in them has changed, until the signal aborts. */
export async function followAce(ports: Ports, write: WriteFile, signal: AbortSignal): Promise<void> {
  const files = await openFiles(ports, write)
  const over = new AbortController()
  const end = () => over.abort()
  signal.addEventListener('abort', end)
  if (signal.aborted) end()
  const reading = async () => {
    for await (const item of soundLog(ports, { after: files.after, signal: over.signal })) files.take(item)
  }
  const flushing = async () => {
    while (!over.signal.aborted) {
      if (files.caughtUp) await files.flush()
      await ports.clock.sleep(FLUSH_INTERVAL_MS, over.signal)
    }
  }
  try {
    // Whichever ends, by a fault or by the signal, ends the other.
    await Promise.all([reading().finally(end), flushing().finally(end)])
    await files.flush()
  } finally {
    signal.removeEventListener('abort', end)
  }
}

async function openFiles(ports: Ports, write: WriteFile) {
  const registry = await openView<DocumentOf<'registry'>>(ports, projectionOf('registry'))
  const vericify = await openView<DocumentOf<'vericify'>>(ports, projectionOf('vericify'))
  const written = new Map<string, string>()
  let caughtUp = false
  let dirty = true

  async function replace(path: string, make: (generatedAt: string) => unknown): Promise<void> {
    const content = JSON.stringify(make(''))
    if (written.get(path) === content) return
    await write(path, JSON.stringify(make(toTimestamp(ports.clock.now())), null, 2))
    written.set(path, content)
  }

  return {
    after: Math.min(registry.completeTo, vericify.completeTo),
    get caughtUp() {
      return caughtUp
    },
    take(item: LogItem): void {
      if (item.kind === 'caught_up') caughtUp = true
      registry.take(item)
      vericify.take(item)
      dirty = true
    },
    async flush(): Promise<void> {
      if (!dirty) return
      dirty = false
      const [sessions, runs] = [registry.documents(), vericify.documents()]
      await replace(ACE_FILES.registry, (at) => aceRegistry(sessions, at))
      await replace(ACE_FILES.posts, (at) => acePosts(runs, at))
      await replace(ACE_FILES.bridge, (at) => aceBridge(runs, at))
    },
  }
}

async function openView<Document>(ports: Ports, projection: Projection<Document>) {
  const { documents, completeTo } = await storedView(ports, projection)
  const held = documents as Map<string, Stored<Document>>
  return {
    completeTo,
    take(item: LogItem): void {
      const event = recorded(item)
      if (event === null) return
      for (const key of projection.keysOf(event)) {
        held.set(key, applyEvent(projection, held.get(key) ?? null, event))
      }
    },
    documents: (): Document[] => [...held.values()].flatMap(({ document }) => (document === null ? [] : [document])),
  }
}
