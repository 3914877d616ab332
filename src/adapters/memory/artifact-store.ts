/** Artifacts in memory: the reference for the port's laws, and the store of simulations. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { ArtifactRef } from '../../events/parts.ts'
import { messageOf, SwarmError } from '../../runtime/errors.ts'
import type { ArtifactStore } from '../../runtime/ports.ts'

export function memoryArtifactStore(): ArtifactStore {
  const contents = new Map<string, Uint8Array>()
  async function put(content: Uint8Array | string): Promise<ArtifactRef> {
    const bytes = Uint8Array.from(typeof content === 'string' ? Buffer.from(content) : content)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    contents.set(sha256, bytes)
    return { sha256, bytes: bytes.length }
  }
  return {
    put,
    putFile: async (path) => put(await contentOf(path)),
    async get(ref) {
      const content = contents.get(ref.sha256)
      if (content === undefined)
        throw new SwarmError('artifact_missing', `there is no artifact ${ref.sha256}`, { details: ref })
      if (content.length !== ref.bytes)
        throw new SwarmError('history_corrupt', `the artifact ${ref.sha256} is not what was stored`, { details: ref })
      return Uint8Array.from(content)
    },
  }
}

async function contentOf(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (error) {
    throw new SwarmError('invalid_argument', `can't read ${path}: ${messageOf(error)}`, { cause: error })
  }
}
