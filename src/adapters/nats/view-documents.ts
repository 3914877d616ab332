/**
 * Writes a view's documents so that what is stored only ever gives way to what is as new or newer, whoever else writes
 * at the same time: each write expects the revision that was compared. Most go in rows, which are waited for once. A row
 * that is refused, because somebody else wrote or a key was not as new as it was taken for, is written one by one.
 */
import { SwarmError } from '../../runtime/errors.ts'
import type { PutOptions, StoredDocument } from '../../runtime/ports.ts'
import { encodeKey } from './kv-keys.ts'
import type { Bucket, BucketEntry, RowEntry } from './store-bucket.ts'
import { deletion, documentOf, valueOf } from './view-values.ts'

const pipelinedPuts = 128
const putTriesMax = 10
const rowDocumentsMax = 500
const rowBytesMax = 1024 * 1024
/** Keys whose revision is remembered per view, which saves reading them before the next put. */
const knownKeysMax = 20_000

type Known = { revision: number; position: number }
/** A document and its key as stored. */
type Due = { key: string; document: StoredDocument }
type InRow = Due & { entry: RowEntry }

export type DocumentWriter = ReturnType<typeof documentWriter>

/** `inRows`: whether the server takes rows. `generation`: what is known of revisions holds in one generation only. */
export function documentWriter(bucket: Bucket, options: { inRows: boolean; generation: () => string }) {
  const known = new Map<string, Known>()
  let knownIn = options.generation()
  /** Revision of the bucket's latest write, as far as we know; null when we don't. */
  let latest: number | null = null

  function forget(): void {
    known.clear()
    latest = null
    knownIn = options.generation()
  }

  function wrote(revision: number): void {
    latest = Math.max(latest ?? 0, revision)
  }

  function remember(key: string, value: Known): void {
    known.set(key, value)
    const oldest = known.size > knownKeysMax ? known.keys().next().value : undefined
    if (oldest !== undefined) known.delete(oldest)
  }

  async function put(documents: readonly StoredDocument[], given: PutOptions = {}): Promise<void> {
    if (options.generation() !== knownIn) forget()
    const due = newest(documents)
    if (!options.inRows) return putEach(due, given)
    // The answer to the first one tells where rows go on.
    if (latest === null) await putEach(due.splice(0, 1), given)
    while (due.length > 0) {
      const row = nextRow(due)
      const revision =
        latest === null
          ? null
          : await bucket.putRow(
              row.map(({ entry }) => entry),
              latest,
            )
      if (revision === null) await putRefused(row, given)
      else putInRow(row, revision, given)
    }
  }

  /** Takes as many from the beginning as fit. */
  function nextRow(due: Due[]): InRow[] {
    const row: InRow[] = []
    let bytes = 0
    for (const { key, document } of due) {
      const { data, headers } = valueOf(document)
      bytes += data.length
      row.push({ key, document, entry: { key, data, headers, expected: expectedOf(key, document) } })
      if (bytes > rowBytesMax || row.length === rowDocumentsMax) break
    }
    due.splice(0, row.length)
    return row
  }

  /** What is newer as far as we know may be something else by now: it is looked at, since nothing has this revision. */
  function expectedOf(key: string, { position }: StoredDocument): number {
    const there = known.get(key)
    return there === undefined || there.position > position ? 0 : there.revision
  }

  function putInRow(row: readonly InRow[], last: number, { final }: PutOptions): void {
    for (const [index, { key, document }] of row.entries()) {
      if (final === true) known.delete(key)
      else remember(key, { revision: last - row.length + 1 + index, position: document.position })
    }
    wrote(last)
  }

  async function putRefused(row: readonly InRow[], given: PutOptions): Promise<void> {
    latest = null
    await putEach(row, given)
  }

  const putEach = (documents: readonly Due[], given: PutOptions) => pipelined(documents, (one) => putOne(one, given))

  /** A key that isn't known is first taken for a new one; if it isn't, the server says so. */
  async function putOne({ key, document }: Due, { final }: PutOptions): Promise<void> {
    let current: Known = { revision: expectedOf(key, document), position: -1 }
    known.delete(key)
    for (let tries = 0; tries < putTriesMax; tries++) {
      if (current.position > document.position) return
      const { data, headers } = valueOf(document)
      const revision = await bucket.put(key, data, { expected: current.revision, ...(headers && { headers }) })
      if (revision !== null) {
        wrote(revision)
        if (final !== true) remember(key, { revision, position: document.position })
        return
      }
      current = knownOf(await bucket.get(key))
    }
    const message = `the document ${document.key} changes too fast to be stored`
    throw new SwarmError('log_unreachable', message, { retryable: true })
  }

  async function remove(documents: readonly StoredDocument[]): Promise<void> {
    await pipelined(documents, async (document) => {
      const key = encodeKey(document.key)
      const entry = await bucket.get(key)
      if (entry === null || documentOf(entry)?.position !== document.position) return
      known.delete(key)
      const { data, headers } = deletion()
      const revision = await bucket.put(key, data, { expected: entry.revision, headers })
      if (revision !== null) wrote(revision)
    })
  }

  return {
    put,
    remove,
    forget,
    wrote,
    latest: () => latest,
    /** What was read is what the next put goes on from. */
    read({ key, revision }: BucketEntry, stored: StoredDocument | null) {
      remember(key, { revision, position: stored?.position ?? -1 })
    },
  }
}

async function pipelined<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const queue = [...all]
  const worker = async () => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) await work(next)
  }
  await Promise.all(Array.from({ length: Math.min(pipelinedPuts, queue.length) }, worker))
}

/** Of several documents of one key the newest. */
function newest(documents: readonly StoredDocument[]): Due[] {
  const byKey = new Map<string, StoredDocument>()
  for (const document of documents) {
    if ((byKey.get(document.key)?.position ?? -1) <= document.position) byKey.set(document.key, document)
  }
  return [...byKey.values()].map((document) => ({ key: encodeKey(document.key), document }))
}

/** What isn't ours gives way to anything. */
function knownOf(entry: BucketEntry | null): Known {
  return { revision: entry?.revision ?? 0, position: (entry && documentOf(entry)?.position) ?? -1 }
}
