import { wholeCharacters } from './byte-ring.ts'

/** Keeps the end of a text of any length in bounded memory. */
export const TAIL_BYTES_MAX = 4_096

export class OutputTail {
  #text = ''
  #isClipped = false

  push(text: string): void {
    const joined = text.length >= TAIL_BYTES_MAX ? text : this.#text + text
    // A character has at least one byte, so more characters than this are never needed.
    const kept = withoutHalfCharacter(joined.slice(-TAIL_BYTES_MAX))
    if (kept.length < this.#text.length + text.length) this.#isClipped = true
    this.#text = kept
  }

  /** The last bytes as valid UTF-8, cut between characters. */
  read(): { tail: string; clipped: boolean } {
    const bytes = Buffer.from(this.#text)
    const isLonger = bytes.length > TAIL_BYTES_MAX
    const tail = isLonger ? wholeCharacters(bytes.subarray(-TAIL_BYTES_MAX)) : bytes
    return { tail: tail.toString('utf8'), clipped: this.#isClipped || isLonger }
  }
}

/** A slice may begin with the second half of a surrogate pair, which is no character. */
function withoutHalfCharacter(text: string): string {
  const first = text.charCodeAt(0)
  return first >= 0xdc00 && first <= 0xdfff ? text.slice(1) : text
}
