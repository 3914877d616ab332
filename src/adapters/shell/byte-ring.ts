/** The last bytes of a stream, in memory allocated once. */
export class ByteRing {
  readonly #bytes: Buffer
  #next = 0
  #isFull = false

  constructor(size: number) {
    this.#bytes = Buffer.alloc(size)
  }

  push(bytes: Buffer): void {
    const size = this.#bytes.length
    const fresh = bytes.subarray(Math.max(0, bytes.length - size))
    const beforeWrap = fresh.copy(this.#bytes, this.#next)
    fresh.copy(this.#bytes, 0, beforeWrap)
    this.#isFull ||= this.#next + fresh.length >= size
    this.#next = (this.#next + fresh.length) % size
  }

  read(): Buffer {
    const newest = this.#bytes.subarray(0, this.#next)
    return this.#isFull ? Buffer.concat([this.#bytes.subarray(this.#next), newest]) : newest
  }
}

/** UTF-8 cut somewhere at its beginning, from the first whole character on. */
export function wholeCharacters(bytes: Buffer): Buffer {
  let start = 0
  while (start < bytes.length && ((bytes[start] ?? 0) & 0xc0) === 0x80) start += 1
  return bytes.subarray(start)
}
