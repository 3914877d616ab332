/**
 * Single headers of a message, without parsing all of them as the client does: that would cost more than everything else
 * that is done with a message. The client hands out the body as a view behind the headers, so they are found before it.
 */
import type { Msg } from '@nats-io/transport-node'

const text = new TextDecoder()
const LINE_END = '\r\n'
const FIRST_LINE = 'NATS/1.0'

/** The header block of a message without a reply subject, as it came; null where it can't be told, e.g. when there is none. */
export function headerBlock(message: Msg, data: Uint8Array): string | null {
  const length = sizeOf(message) - message.subject.length - data.length
  if (length <= FIRST_LINE.length || data.byteOffset < length) return null
  const block = text.decode(new Uint8Array(data.buffer, data.byteOffset - length, length))
  return block.startsWith(FIRST_LINE) && block.endsWith(LINE_END + LINE_END) ? block : null
}

/** Bytes of subject, headers and body. The client's type lacks it; without it the client has to parse the headers. */
function sizeOf(message: Msg): number {
  return 'size' in message && typeof message.size === 'function' ? Number(message.size()) : 0
}

/** The last value of a header, which is the server's whatever the writer gave; empty when there is none. */
export function lastHeader(message: Msg, block: string | null, name: string): string {
  if (block === null) return message.headers?.last(name) ?? ''
  const line = `${LINE_END}${name}:`
  const at = block.lastIndexOf(line)
  return at === -1 ? '' : block.slice(at + line.length, block.indexOf(LINE_END, at + line.length)).trim()
}
