/** Live output of sessions: plain messages, stored nowhere; who does not listen misses it. */
import type { Msg, Subscription } from '@nats-io/transport-node'
import type { SessionId } from '../../events/ids.ts'
import type { Names } from '../../events/subjects.ts'
import type { NatsLink } from './connection.ts'

/** Small enough for any server's message limit, whatever the characters: 384 KiB of UTF-8 at most. */
const pieceChars = 131_072
/** A listener that is slower than this loses the oldest output. */
const bufferChunksMax = 1_024

export type OutputStream = 'stdout' | 'stderr'
export type OutputChunk = { stream: OutputStream; text: string }

export function publishOutput(
  link: NatsLink,
  names: Names,
  sessionId: SessionId,
  stream: OutputStream,
  chunk: string,
): void {
  for (let from = 0; from < chunk.length; ) {
    if (!link.connected()) return
    const to = pieceEnd(chunk, from)
    link.nc.publish(names.output(sessionId, stream), chunk.slice(from, to))
    from = to
  }
}

/** Never between the two halves of one character. */
function pieceEnd(chunk: string, from: number): number {
  const end = from + pieceChars
  if (end >= chunk.length) return chunk.length
  const code = chunk.charCodeAt(end - 1)
  return code >= 0xd800 && code <= 0xdbff ? end - 1 : end
}

/** Listens from the call on, not from the first pull. */
export function followOutput(
  link: NatsLink,
  names: Names,
  sessionId: SessionId,
  signal: AbortSignal,
): AsyncIterable<OutputChunk> {
  const buffer: OutputChunk[] = []
  let resume: (() => void) | null = null
  let ended = signal.aborted
  const isEnded = () => ended
  const take = (message: Msg) => {
    const stream = message.subject.endsWith('.stderr') ? 'stderr' : 'stdout'
    buffer.push({ stream, text: message.string() })
    if (buffer.length > bufferChunksMax) buffer.shift()
    resume?.()
  }
  const end = () => {
    ended = true
    resume?.()
  }
  const callback = (error: Error | null, message: Msg) => (error === null ? take(message) : end())
  const subscription = ended ? null : link.nc.subscribe(names.allOutput(sessionId), { callback })
  const close = () => {
    signal.removeEventListener('abort', close)
    subscription?.unsubscribe()
    end()
  }
  signal.addEventListener('abort', close, { once: true })
  void endWith(subscription, end)
  return chunks()

  async function* chunks(): AsyncGenerator<OutputChunk> {
    try {
      while (!isEnded()) {
        const chunk = buffer.shift()
        if (chunk !== undefined) yield chunk
        else await new Promise<void>((resolve) => (resume = resolve))
      }
    } finally {
      close()
    }
  }
}

/** The connection may be closed under a listener. */
async function endWith(subscription: Subscription | null, end: () => void): Promise<void> {
  await subscription?.closed
  end()
}
