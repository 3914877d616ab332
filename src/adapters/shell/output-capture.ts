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

/** What a stream needs once it says something: most processes wait in silence for most of their time. */
type Intake = { decoder: StringDecoder; redactor: StreamRedactor; tail: OutputTail; spool: SpoolFile | null }

export class OutputCapture {
  readonly #options: CaptureOptions
  #intake: Intake | null = null
  #read: Promise<void> = Promise.resolve()
  #isListening = true
  #bytes = 0
  /** What went wrong with keeping or handing on; the process itself is not disturbed by it. */
  readonly problems: string[] = []

  constructor(options: CaptureOptions) {
    this.#options = options
  }

  /**
   * Reads to the end, or until the stream is destroyed, but nothing before `begun` resolves; never rejects if that does
   * not. Reading waits for the spool, so a flood is held up at its source.
   */
  readAll(source: Readable, begun: Promise<unknown>): Promise<void> {
    this.#read = new Promise((resolve) => {
      let isTaking = false
      let isClosed = false
      const end = () => void this.#takeRest().then(resolve)
      // Pulled, not pushed: a chunk is taken in before the next one is read, whoever resumes the stream.
      const takeAll = async () => {
        isTaking = true
        await begun
        for (let chunk = read(source); chunk !== null; chunk = read(source)) await this.#take(chunk)
        isTaking = false
        if (isClosed) end()
      }
      source.on('readable', () => void (isTaking || takeAll()))
      source.on('error', (error) => this.#complain('could not be read', error))
      // Also when the pipe was closed by us because somebody still held it.
      source.on('close', () => {
        isClosed = true
        if (!isTaking) end()
      })
    })
    return this.#read
  }

  /** To be called when the stream has ended or was destroyed: waits until all that was read is taken in. */
  async finish(): Promise<CapturedOutput> {
    await this.#read
    if (this.#intake === null) return { tail: '', clipped: false, bytes: 0, file: null }
    return { ...this.#intake.tail.read(), bytes: this.#bytes, file: await this.#closeSpool(this.#intake) }
  }

  async #take(chunk: Buffer): Promise<void> {
    this.#options.onActivity()
    this.#bytes += chunk.length
    this.#intake ??= this.#begin()
    const { redactor, decoder } = this.#intake
    await this.#give(this.#intake, redactor.push(decoder.write(chunk)))
    // The time we took to write is not the process's silence.
    this.#options.onActivity()
  }

  async #takeRest(): Promise<void> {
    if (this.#intake === null) return
    const { redactor, decoder } = this.#intake
    await this.#give(this.#intake, redactor.push(decoder.end()) + redactor.flush())
  }

  #begin(): Intake {
    const { secrets, spool, stream } = this.#options
    return {
      decoder: new StringDecoder('utf8'),
      redactor: new StreamRedactor(secrets),
      tail: new OutputTail(),
      spool: spool === undefined ? null : new SpoolFile(join(spool, stream)),
    }
  }

  async #give(intake: Intake, text: string): Promise<void> {
    if (text === '') return
    intake.tail.push(text)
    this.#handOn(text)
    if (intake.spool === null) return
    try {
      await intake.spool.write(text)
    } catch (error) {
      await this.#abandonSpool(intake, intake.spool, error)
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

  async #closeSpool(intake: Intake): Promise<string | null> {
    if (intake.spool === null) return null
    try {
      return await intake.spool.close()
    } catch (error) {
      await this.#abandonSpool(intake, intake.spool, error)
      return null
    }
  }

  async #abandonSpool(intake: Intake, spool: SpoolFile, error: unknown): Promise<void> {
    intake.spool = null
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

function read(source: Readable): Buffer | null {
  return source.read() as Buffer | null
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
