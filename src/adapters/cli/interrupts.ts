/** Ctrl-C and SIGTERM, given to whoever takes them. */

export type Interrupt = { signal: 'SIGINT' | 'SIGTERM'; count: number }
export type Interrupts = {
  /** Hands the following ones to a handler, until the returned function is called. The count goes on from 1. */
  take(handler: (interrupt: Interrupt) => void): () => void
}

/** Those that nobody has taken go to the fallback. */
export function createInterrupts(fallback: (interrupt: Interrupt) => void): Interrupts {
  let handler = fallback
  let count = 0
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => handler({ signal, count: ++count }))
  }
  return {
    take(next) {
      handler = next
      count = 0
      return () => {
        handler = fallback
        count = 0
      }
    },
  }
}
