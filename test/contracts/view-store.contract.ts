/** The laws of `ViewStore` (src/runtime/ports.ts), run against every adapter. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { StoredDocument, ViewStore } from '../../src/runtime/ports.ts'

export type ViewsUnderTest = {
  store: ViewStore
  /** Another client of the same views. */
  another(): ViewStore
  close(): Promise<void>
}

const VIEW = 'registry-1'
const ODD_KEYS = [
  'S1',
  'S1/turn-2',
  'owner/repo#12',
  'ä ö',
  '日本',
  '.',
  '..',
  'a..b',
  '.a.',
  '=',
  '=41',
  '=checkpoint',
  '*',
  '>',
  'a b',
  '%',
  '',
]
const documentAt = (key: string, position: number, document: unknown = { at: position }) => ({
  key,
  position,
  document,
})

async function all(store: ViewStore, view = VIEW): Promise<StoredDocument[]> {
  const documents: StoredDocument[] = []
  for await (const document of store.list(view)) documents.push(document)
  return documents.toSorted((left, right) => (left.key < right.key ? -1 : 1))
}

export function viewStoreContract(adapter: string, open: () => Promise<ViewsUnderTest>): void {
  describe(`view store contract: ${adapter}`, () => {
    let under: ViewsUnderTest
    let store: ViewStore
    beforeEach(async () => {
      under = await open()
      store = under.store
    })
    afterEach(() => under.close())

    it('knows nothing at first', async () => {
      expect(await store.get(VIEW, 'S1')).toBeNull()
      expect(await all(store)).toEqual([])
      expect(await store.checkpoint(VIEW)).toBe(0)
    })

    it('gives back documents and checkpoint, to anyone', async () => {
      const documents = [documentAt('S1', 3, { a: [1, null, 'ü'] }), documentAt('S2', 4, null)]
      await store.put(VIEW, documents)
      await store.setCheckpoint(VIEW, 4)
      expect(await under.another().get(VIEW, 'S1')).toEqual(documents[0])
      expect(await all(under.another())).toEqual(documents)
      expect(await under.another().checkpoint(VIEW)).toBe(4)
    })

    it('replaces what is as old or older, and leaves alone what is newer', async () => {
      await store.put(VIEW, [documentAt('S1', 5)])
      await store.put(VIEW, [documentAt('S1', 4)])
      await under.another().put(VIEW, [documentAt('S1', 3)])
      expect(await store.get(VIEW, 'S1')).toEqual(documentAt('S1', 5))
      await under.another().put(VIEW, [documentAt('S1', 5, 'mended')])
      expect((await store.get(VIEW, 'S1'))?.document).toBe('mended')
      await store.put(VIEW, [documentAt('S1', 6)])
      expect(await store.get(VIEW, 'S1')).toEqual(documentAt('S1', 6))
    })

    it('takes out what was read, unless it has changed since; then anything may come in its place', async () => {
      await store.put(VIEW, [documentAt('S1', 5), documentAt('S2', 5), documentAt('S3', 5)])
      const read = await all(store)
      await store.put(VIEW, [documentAt('S2', 6)])
      await under.another().remove(VIEW, [...read, documentAt('S4', 5)])
      expect(await all(store)).toEqual([documentAt('S2', 6)])
      expect(await store.get(VIEW, 'S1')).toBeNull()
      expect(await store.find(VIEW, ['S1', 'S2'])).toEqual([documentAt('S2', 6)])
      await store.put(VIEW, [documentAt('S1', 3), documentAt('S2', 4), documentAt('S3', 2)])
      expect((await all(store)).map(({ position }) => position)).toEqual([3, 6, 2])
    })

    it('finds those of many keys that are stored', async () => {
      const keys = Array.from({ length: 1200 }, (_, index) => `S${index}`)
      const stored = keys.filter((_, index) => index % 3 === 0)
      await store.put(
        VIEW,
        stored.map((key, index) => documentAt(key, index + 1)),
      )
      const found = await under.another().find(VIEW, [...keys, ...ODD_KEYS])
      expect(found.map(({ key }) => key).toSorted()).toEqual(stored.toSorted())
      expect(await store.find('ledger-1', keys)).toEqual([])
      expect(await store.find(VIEW, [])).toEqual([])
    })

    it('leaves alone what is newer among very many that are not, whoever stored it', async () => {
      const keys = Array.from({ length: 1500 }, (_, index) => `S${index}`)
      await store.put(VIEW, [documentAt('S7', 9)], { final: true })
      await under.another().put(VIEW, [documentAt('S700', 9), documentAt('S701', 1), documentAt('S1400', 9)])
      for (const position of [2, 3]) {
        const documents = keys.map((key) => documentAt(key, position))
        await store.put(VIEW, documents, { final: position === 3 })
      }
      const newer = (await all(store)).filter(({ position }) => position === 9).map(({ key }) => key)
      expect(newer).toEqual(['S1400', 'S7', 'S700'])
      expect((await all(store)).filter(({ position }) => position === 3).length).toBe(1497)
    })

    it('takes the checkpoint of who keeps it as long as nothing was lost since', async () => {
      const since = { generation: store.generation(), checkpoint: 0 }
      await store.put(VIEW, [documentAt('S1', 5)])
      await store.setCheckpoint(VIEW, 5, since)
      await under.another().put(VIEW, [documentAt('S2', 7)])
      await under.another().setCheckpoint(VIEW, 8)
      await store.setCheckpoint(VIEW, 7, { ...since, checkpoint: 5 })
      expect(await store.checkpoint(VIEW)).toBe(7)
      const lost = { code: 'view_lost' }
      await expect(store.setCheckpoint(VIEW, 9, { ...since, generation: 'another' })).rejects.toMatchObject(lost)
      await under.another().clear(VIEW)
      await expect(store.setCheckpoint(VIEW, 9, { ...since, checkpoint: 7 })).rejects.toMatchObject(lost)
      expect(await store.checkpoint(VIEW)).toBe(0)
      await store.setCheckpoint(VIEW, 3, since)
      expect(await under.another().checkpoint(VIEW)).toBe(3)
    })

    it('keeps the newest of several of one key, also in one call and when two write at once', async () => {
      await store.put(VIEW, [documentAt('S1', 2), documentAt('S1', 9), documentAt('S1', 7)])
      expect((await store.get(VIEW, 'S1'))?.position).toBe(9)
      const other = under.another()
      const keys = Array.from({ length: 20 }, (_, index) => `R${index}`)
      const puts = Array.from({ length: 10 }, (_, round) =>
        (round % 2 === 0 ? store : other).put(
          VIEW,
          keys.map((key) => documentAt(key, ((round * 7) % 10) + 1)),
        ),
      )
      await Promise.all(puts)
      for (const key of keys) expect((await store.get(VIEW, key))?.position).toBe(10)
    })

    it('takes any key, and mixes none up with another or with the checkpoint', async () => {
      await store.setCheckpoint(VIEW, 99)
      await store.put(
        VIEW,
        ODD_KEYS.map((key, index) => documentAt(key, index + 1, key)),
      )
      for (const key of ODD_KEYS) expect((await store.get(VIEW, key))?.document).toBe(key)
      expect((await all(store)).map(({ key }) => key)).toEqual(ODD_KEYS.toSorted())
      expect(await store.checkpoint(VIEW)).toBe(99)
    })

    it('lists many documents, each once', async () => {
      const documents = Array.from({ length: 2500 }, (_, index) => documentAt(`S${index}`, index + 1))
      await store.put(VIEW, documents)
      const listed = await all(store)
      expect(listed.length).toBe(2500)
      expect(new Set(listed.map(({ key }) => key)).size).toBe(2500)
    })

    it('lists each document once while they change', async () => {
      const keys = Array.from({ length: 1500 }, (_, index) => `S${index}`)
      await store.put(
        VIEW,
        keys.map((key) => documentAt(key, 1)),
      )
      const seen: string[] = []
      let changed: Promise<void> | undefined
      for await (const { key } of store.list(VIEW)) {
        changed ??= store.put(
          VIEW,
          keys.map((key) => documentAt(key, 2)),
        )
        if (seen.length === 500) await changed
        seen.push(key)
      }
      expect(seen.toSorted()).toEqual(keys.toSorted())
    })

    it('takes documents that are larger than a message', async () => {
      const document = {
        turns: Array.from({ length: 400 }, (_, turn) => ({ turn, stdout: `line of turn ${turn}\n`.repeat(400) })),
      }
      await store.put(VIEW, [documentAt('S1', 1, document)])
      expect((await under.another().get(VIEW, 'S1'))?.document).toEqual(document)
    })

    it('forgets one view and no other', async () => {
      await store.put(VIEW, [documentAt('S1', 5)])
      await store.setCheckpoint(VIEW, 5)
      await store.put('ledger-1', [documentAt('S1', 5)])
      await store.clear(VIEW)
      expect(await all(store)).toEqual([])
      expect(await store.checkpoint(VIEW)).toBe(0)
      expect(await all(store, 'ledger-1')).toEqual([documentAt('S1', 5)])
      await store.put(VIEW, [documentAt('S1', 2)])
      expect(await store.get(VIEW, 'S1')).toEqual(documentAt('S1', 2))
    })
  })
}
