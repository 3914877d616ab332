/** Takes in one output stream: decodes, redacts, keeps the end, spools the whole and hands pieces on as they come. */
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import type { CapturedOutput } from '../../runtime/ports.ts'
import { messageOf } from '../../runtime/errors.ts'
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

/** What a stream that says something needs. */
type Taken = { decoder: StringDecoder; redactor: StreamRedactor; tail: OutputTail; spool: SpoolFile | null }

export class OutputCapture {
  readonly #options: CaptureOptions
  /** Null until the first byte: most processes wait in silence for most of their time. */
  #taken: Taken | null = null
  #isListening = true
  #bytes = 0
  /** What went wrong with keeping or handing on; the process itself is not disturbed by it. */
  readonly problems: string[] = []

  constructor(options: CaptureOptions) {
    this.#options = options
  }

  /** Reads to the end, or until the stream is destroyed. Reading waits for the spool, so a flood is held up at its source. */
  async readAll(source: Readable): Promise<void> {
    await new Promise<void>((resolve) => {
      let taking = Promise.resolve()
      source.on('data', (chunk: Buffer) => {
        source.pause()
        taking = this.#take(chunk).then(() => void source.resume())
      })
      source.on('error', (error) => this.#complain('could not be read', error))
      source.on('close', () => void taking.then(resolve))
    })
    if (this.#taken === null) return
    const { redactor, decoder } = this.#taken
    await this.#give(this.#taken, redactor.push(decoder.end()) + redactor.flush())
  }

  async finish(): Promise<CapturedOutput> {
    if (this.#taken === null) return { tail: '', clipped: false, bytes: 0, file: null }
    return { ...this.#taken.tail.read(), bytes: this.#bytes, file: await this.#closeSpool(this.#taken) }
  }

  async #take(chunk: Buffer): Promise<void> {
    this.#options.onActivity()
    this.#bytes += chunk.length
    this.#taken ??= this.#begin()
    const { redactor, decoder } = this.#taken
    await this.#give(this.#taken, redactor.push(decoder.write(chunk)))
    // The time we took to write is not the process's silence.
    this.#options.onActivity()
  }

  #begin(): Taken {
    const { secrets, spool, stream } = this.#options
    return {
      decoder: new StringDecoder('utf8'),
      redactor: new StreamRedactor(secrets),
      tail: new OutputTail(),
      spool: spool === undefined ? null : new SpoolFile(join(spool, stream)),
    }
  }

  async #give(taken: Taken, text: string): Promise<void> {
    if (text === '') return
    taken.tail.push(text)
    this.#handOn(text)
    if (taken.spool === null) return
    try {
      await taken.spool.write(text)
    } catch (error) {
      await this.#abandonSpool(taken, taken.spool, error)
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

  async #closeSpool(taken: Taken): Promise<string | null> {
    if (taken.spool === null) return null
    try {
      return await taken.spool.close()
    } catch (error) {
      await this.#abandonSpool(taken, taken.spool, error)
      return null
    }
  }

  async #abandonSpool(taken: Taken, spool: SpoolFile, error: unknown): Promise<void> {
    taken.spool = null
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
