/** Takes in one output stream: decodes, redacts, keeps the end, spools the whole and hands pieces on as they come. */
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import type { CapturedOutput } from '../../runtime/ports.ts'
import { messageOf } from '../../runtime/errors.ts'
import { isErrno } from './errno.ts'
import { OutputTail } from './output-tail.ts'
import { SpoolFile } from './spool-file.ts'
import { StreamRedactor } from './stream-redactor.ts'

export type StreamName = 'stdout' | 'stderr'

type CaptureOptions = {
  stream: StreamName
  secrets: Readonly<Record<string, string>>
  spool: string | undefined
  onActivity: () => void
  onOutput: ((stream: StreamName, chunk: string, atMs: number, bytes: number) => void) | undefined
}

/** Longest piece of text handed on at once, in UTF-16 units. */
export const OUTPUT_CHUNK_CHARS_MAX = 32_768

export class OutputCapture {
  readonly #options: CaptureOptions
  readonly #decoder = new StringDecoder('utf8')
  readonly #redactor: StreamRedactor
  readonly #tail = new OutputTail()
  #spool: SpoolFile | null
  #isListening = true
  #bytes = 0
  /** What went wrong with keeping or handing on; the process itself is not disturbed by it. */
  readonly problems: string[] = []

  constructor(options: CaptureOptions) {
    this.#options = options
    this.#redactor = new StreamRedactor(options.secrets)
    this.#spool = options.spool === undefined ? null : new SpoolFile(join(options.spool, options.stream))
  }

  /** Reads to the end, or until the stream is destroyed. Reading waits for the spool, so a flood is held up at its source. */
  async readAll(source: Readable): Promise<void> {
    try {
      for await (const chunk of source) await this.#take(chunk as Buffer)
    } catch (error) {
      // The pipe was closed by us because somebody still held it.
      if (!isErrno(error, 'ERR_STREAM_PREMATURE_CLOSE')) this.#complain('could not be read', error)
    }
    await this.#give(this.#redactor.push(this.#decoder.end()) + this.#redactor.flush())
  }

  async finish(): Promise<CapturedOutput> {
    return { ...this.#tail.read(), bytes: this.#bytes, file: await this.#closeSpool() }
  }

  async #take(chunk: Buffer): Promise<void> {
    this.#options.onActivity()
    this.#bytes += chunk.length
    await this.#give(this.#redactor.push(this.#decoder.write(chunk)))
    // The time we took to write is not the process's silence.
    this.#options.onActivity()
  }

  async #give(text: string): Promise<void> {
    if (text === '') return
    this.#tail.push(text)
    this.#handOn(text)
    if (this.#spool === null) return
    try {
      await this.#spool.write(text)
    } catch (error) {
      await this.#abandonSpool(this.#spool, error)
    }
  }

  #handOn(text: string): void {
    const { onOutput, stream } = this.#options
    if (onOutput === undefined || !this.#isListening) return
    try {
      for (const piece of piecesOf(text)) onOutput(stream, piece, Date.now(), this.#bytes)
    } catch (error) {
      this.#isListening = false
      this.#complain('could not be handed on', error)
    }
  }

  async #closeSpool(): Promise<string | null> {
    if (this.#spool === null) return null
    try {
      return await this.#spool.close()
    } catch (error) {
      await this.#abandonSpool(this.#spool, error)
      return null
    }
  }

  async #abandonSpool(spool: SpoolFile, error: unknown): Promise<void> {
    this.#spool = null
    this.#complain('could not be kept', error)
    try {
      await spool.discard()
    } catch (closing) {
      this.#complain('could not be closed', closing)
    }
  }

  #complain(what: string, error: unknown): void {
    this.problems.push(`${this.#options.stream} ${what}: ${messageOf(error)}`)
  }
}

/** Pieces of bounded length, cut between characters. */
function* piecesOf(text: string): Generator<string> {
  for (let start = 0; start < text.length; ) {
    let end = Math.min(start + OUTPUT_CHUNK_CHARS_MAX, text.length)
    const last = text.charCodeAt(end - 1)
    if (end < text.length && last >= 0xd800 && last <= 0xdbff) end -= 1
    yield text.slice(start, end)
    start = end
  }
}
