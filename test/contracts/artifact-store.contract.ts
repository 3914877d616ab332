/** The laws of `ArtifactStore` (src/runtime/ports.ts), run against every adapter. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ArtifactStore } from '../../src/runtime/ports.ts'

export type ArtifactsUnderTest = {
  store: ArtifactStore
  /** Another client of the same artifacts. */
  another(): ArtifactStore
  /** How many artifacts there are; null when the adapter can't tell. */
  count(): Promise<number | null>
  close(): Promise<void>
}

const sha256 = (content: Uint8Array | string) => createHash('sha256').update(content).digest('hex')

export function artifactStoreContract(adapter: string, open: () => Promise<ArtifactsUnderTest>): void {
  describe(`artifact store contract: ${adapter}`, () => {
    let under: ArtifactsUnderTest
    let directory: string
    beforeEach(async () => {
      under = await open()
      directory = await mkdtemp(join(tmpdir(), 'artifacts-'))
    })
    afterEach(async () => {
      await under.close()
      await rm(directory, { recursive: true, force: true })
    })

    it('gives back what was put, to anyone', async () => {
      const ref = await under.store.put('grüße\n')
      expect(ref).toEqual({ sha256: sha256('grüße\n'), bytes: 8 })
      expect(Buffer.from(await under.another().get(ref)).toString()).toBe('grüße\n')
    })

    it.each([0, 1, 128 * 1024, 128 * 1024 + 1, 5 * 1024 * 1024])(
      'keeps %i bytes as they are, also from a file',
      async (bytes) => {
        const content = randomBytes(bytes)
        const ref = { sha256: sha256(content), bytes }
        expect(await under.store.put(content)).toEqual(ref)
        expect(Buffer.from(await under.store.get(ref)).equals(content)).toBe(true)

        const other = Buffer.concat([content, content])
        await writeFile(join(directory, 'file'), other)
        const fromFile = await under.store.putFile(join(directory, 'file'))
        expect(fromFile).toEqual({ sha256: sha256(other), bytes: bytes * 2 })
        expect(Buffer.from(await under.store.get(fromFile)).equals(other)).toBe(true)
      },
    )

    it('is one artifact however often and by whomever the same content is put', async () => {
      const content = randomBytes(300_000)
      await writeFile(join(directory, 'file'), content)
      const ref = await under.store.put(content)
      const file = join(directory, 'file')
      expect(await under.another().put(content)).toEqual(ref)
      expect(await under.store.putFile(file)).toEqual(ref)
      const raced = randomBytes(300_000)
      const [first, second] = await Promise.all([under.store.put(raced), under.another().put(raced)])
      expect(first).toEqual(second)
      expect(Buffer.from(await under.store.get(first)).equals(raced)).toBe(true)
      expect([2, null]).toContain(await under.count())
    })

    it('says artifact_missing for what was never put', async () => {
      const ref = { sha256: sha256('never put'), bytes: 9 }
      await expect(under.store.get(ref)).rejects.toMatchObject({ code: 'artifact_missing' })
    })

    it('does not give out content of another length than the reference says', async () => {
      const ref = await under.store.put('whole')
      await expect(under.store.get({ ...ref, bytes: 4 })).rejects.toMatchObject({ code: 'history_corrupt' })
    })

    it('says so when a file can’t be read', async () => {
      const put = under.store.putFile(join(directory, 'none'))
      await expect(put).rejects.toMatchObject({ code: 'invalid_argument' })
    })
  })
}
