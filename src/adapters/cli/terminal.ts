/** Where a command's results and notes go: results to standard output, everything else to standard error. */
import { once } from 'node:events'

export type Terminal = {
  /** Results are JSON; nothing else may be on standard output. */
  readonly json: boolean
  readonly colours: boolean
  /** Whether a line may be drawn again and again. */
  readonly live: boolean
  readonly columns: number
  /** Standard output is a terminal, so what others wrote must be made fit for it. */
  readonly toPerson: boolean
  /** Aborts when whoever read standard output is gone; writing to it does nothing from then on. */
  readonly closed: AbortSignal
  write(content: string | Uint8Array): Promise<void>
  line(text: string): Promise<void>
  /** One JSON value on one line. */
  value(value: unknown): Promise<void>
  /** A line on standard error. */
  note(text: string): void
  /** Draws the live line anew; null takes it away. Does nothing where there can't be one. */
  status(text: string | null): void
}

export const COLUMNS_DEFAULT = 120
const CLEAR_LINE = '\r\u001B[2K'

export function createTerminal({ json }: { json: boolean }): Terminal {
  const { stdout, stderr, env } = process
  const gone = new AbortController()
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    gone.abort()
  })
  const styled = env['NO_COLOR'] === undefined || env['NO_COLOR'] === ''
  const live = !json && styled && stdout.isTTY && stderr.isTTY && env['TERM'] !== 'dumb'
  let drawn: string | null = null
  /** Runs a write with the live line out of its way. */
  const beside = <T>(write: () => T): T => {
    if (drawn === null) return write()
    stderr.write(CLEAR_LINE)
    const result = write()
    stderr.write(drawn)
    return result
  }
  const write = async (content: string | Uint8Array): Promise<void> => {
    if (gone.signal.aborted) return
    if (!beside(() => stdout.write(content))) await drained(gone.signal)
  }
  return {
    json,
    live,
    colours: styled && stdout.isTTY && !json,
    toPerson: stdout.isTTY,
    get columns() {
      return stdout.columns > 0 ? stdout.columns : COLUMNS_DEFAULT
    },
    closed: gone.signal,
    write,
    line: (text) => write(`${text}\n`),
    value: (value) => write(`${JSON.stringify(value)}\n`),
    note: (text) => void beside(() => stderr.write(`${text}\n`)),
    status(text) {
      if (!live) return
      stderr.write(text === null ? CLEAR_LINE : `${CLEAR_LINE}${text}`)
      drawn = text
    },
  }
}

/** Resolves when the reader has taken what was written, or is gone. */
async function drained(gone: AbortSignal): Promise<void> {
  const enough = new AbortController()
  try {
    await Promise.race([
      once(process.stdout, 'drain', { signal: enough.signal }),
      once(gone, 'abort', { signal: enough.signal }),
    ])
  } catch (error) {
    // The stream's own error ends this wait as well; its listener has dealt with it.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPIPE')) throw error
  } finally {
    enough.abort()
  }
}
