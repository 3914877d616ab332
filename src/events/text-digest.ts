import type { Sha256 } from './hash-chain.ts'
import type { ArtifactRef } from './parts.ts'

/** What a text is called in the artifact store. */
export function digestOf(sha256: Sha256, text: string): ArtifactRef {
  return { sha256: sha256(text), bytes: utf8Bytes(text) }
}

/** Bytes of a text in UTF-8; a lone surrogate counts as the replacement character it becomes. */
function utf8Bytes(text: string): number {
  let bytes = 0
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
  }
  return bytes
}
