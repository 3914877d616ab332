/** Keeps a whole output in a file of bounded size: its beginning and its end, and a line between that says what is missing. */
import { constants } from 'node:fs'
import { mkdir, open, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ByteRing, wholeCharacters } from './byte-ring.ts'

type SpoolLimits = { headBytesMax: number; tailBytesMax: number }

/** The beginning goes to the file as it comes, the end is kept in memory until the output is over. */
const SPOOL_LIMITS: SpoolLimits = { headBytesMax: 63 * 1_048_576, tailBytesMax: 1_048_576 }

const PRIVATE_NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW

export class SpoolFile {
  readonly #path: string
  readonly #limits: SpoolLimits
  #file: FileHandle | null = null
  #headBytes = 0
  #overflowBytes = 0
  #end: ByteRing | null = null

  constructor(path: string, limits: SpoolLimits = SPOOL_LIMITS) {
    this.#path = path
    this.#limits = limits
  }

  /** Await it before the next one: that is what bounds memory when the disk is slower than the process. */
  async write(text: string): Promise<void> {
    const bytes = Buffer.from(text)
    const room = this.#limits.headBytesMax - this.#headBytes
    // Once something has gone to the end, everything after it has to.
    if (this.#end === null && bytes.length <= room) await this.#append(bytes)
    else this.#keep(bytes)
  }

  /** Path of the finished file; null when there was no output. */
  async close(): Promise<string | null> {
    if (this.#end !== null) await this.#writeEnd(this.#end)
    await this.discard()
    return this.#headBytes > 0 ? this.#path : null
  }

  /** Gives up the file handle, after a failed write too. */
  async discard(): Promise<void> {
    const file = this.#file
    this.#file = null
    await file?.close()
  }

  async #append(bytes: Buffer): Promise<void> {
    this.#file ??= await this.#create()
    this.#headBytes += bytes.length
    await this.#file.writeFile(bytes)
  }

  async #create(): Promise<FileHandle> {
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 })
    return open(this.#path, PRIVATE_NEW_FILE, 0o600)
  }

  #keep(bytes: Buffer): void {
    this.#overflowBytes += bytes.length
    this.#end ??= new ByteRing(this.#limits.tailBytesMax)
    this.#end.push(bytes)
  }

  async #writeEnd(ring: ByteRing): Promise<void> {
    const end = wholeCharacters(ring.read())
    const leftOut = this.#overflowBytes - end.length
    const notice = leftOut > 0 ? `\n[swarmtrail: ${leftOut} bytes left out here]\n` : ''
    await this.#append(Buffer.concat([Buffer.from(notice), end]))
  }
}
