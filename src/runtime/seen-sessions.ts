/**
 * Tells whether a session comes for the first time, in memory that does not grow: a Bloom filter of one MiB. "New" is
 * always true; "not new" may be wrong, with a million sessions for one in fifty, and then has to be looked up.
 */
import type { SessionId } from '../events/ids.ts'

const BITS = 2 ** 23
const HASHES = 4
const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

export function seenSessions(): { isNew(sessionId: SessionId): boolean } {
  const bits = new Uint8Array(BITS / 8)
  return {
    isNew(sessionId) {
      const [start, step] = [fnv1a(sessionId, FNV_OFFSET), fnv1a(sessionId, FNV_PRIME) | 1]
      let isNew = false
      for (let n = 0; n < HASHES; n++) {
        const bit = (start + Math.imul(n, step)) & (BITS - 1)
        const [byte, mask] = [bit >>> 3, 1 << (bit & 7)]
        const known = bits[byte] ?? 0
        isNew ||= (known & mask) === 0
        bits[byte] = known | mask
      }
      return isNew
    },
  }
}

/** FNV-1a, 32 bits, from another offset for another hash. */
function fnv1a(text: string, offset: number): number {
  let hash = offset
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), FNV_PRIME)
  return hash >>> 0
}
