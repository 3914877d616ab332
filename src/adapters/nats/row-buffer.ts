/**
 * Where a row's messages are put into bytes: one buffer that is used again for every row. The client would make two new
 * ones for each message, which takes ten times as long as writing the text, and memory that the system has to give first.
 */
import { MsgHdrsImpl } from '@nats-io/transport-node'

/** A text may take three bytes for each of its characters. */
const BYTES_PER_CHAR_MAX = 3
const bufferBytesMin = 64 * 1024
/** What is larger is not kept for the next row. */
const keptBytesMax = 2 * 1024 * 1024

export type RowBuffer = ReturnType<typeof rowBuffer>

export function rowBuffer() {
  let buffer = Buffer.alloc(0)
  let used = 0

  return {
    /** The text's bytes, which hold until the buffer is used again. */
    bytesOf(text: string): Uint8Array {
      const most = text.length * BYTES_PER_CHAR_MAX
      if (used + most > buffer.length) {
        buffer = Buffer.allocUnsafeSlow(Math.max(most, bufferBytesMin, Math.min(2 * buffer.length, keptBytesMax)))
        used = 0
      }
      const from = used
      used += buffer.write(text, from)
      return buffer.subarray(from, used)
    },
    /** Only when nothing of what was written may still be going to be sent. */
    reuse(): void {
      used = 0
      if (buffer.length > keptBytesMax) buffer = Buffer.alloc(0)
    },
  }
}

/** Headers that are bytes already. The client asks for nothing else of what it only sends. */
export class WrittenHeaders extends MsgHdrsImpl {
  private readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    super()
    this.bytes = bytes
  }

  override encode(): Uint8Array {
    return this.bytes
  }
}
