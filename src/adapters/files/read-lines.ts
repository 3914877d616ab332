/** A text file line by line, whatever its size. */
import { createReadStream } from 'node:fs'
import { messageOf, SwarmError } from '../../runtime/errors.ts'
import type { FileLine } from '../../runtime/transfer/trail-file.ts'

const chunkBytes = 262_144
/** The longest line is an artifact in base64; what is longer is no export of ours, and no string of this system's. */
const lineCharactersMax = 402_653_184

/**
 * Each line once, without its end; the file's last line need not have one. Throws `invalid_argument` when the file can't
 * be read, `history_corrupt` for what is no UTF-8 text.
 */
export async function* readLines(path: string): AsyncGenerator<FileLine> {
  let line = 1
  let rest = ''
  for await (const text of readText(path)) {
    const [first = '', ...more] = text.split('\n')
    rest += first
    if (rest.length > lineCharactersMax) throw corrupt(path, line, 'is too long')
    for (const part of more) {
      yield { line, text: rest }
      line += 1
      rest = part
    }
  }
  if (rest !== '') yield { line, text: rest }
}

async function* readText(path: string): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let line = 1
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: chunkBytes })) {
      const text = decoder.decode(chunk as Uint8Array, { stream: true })
      yield text
      line += text.split('\n').length - 1
    }
    yield decoder.decode()
  } catch (error) {
    if (error instanceof TypeError) throw corrupt(path, line, 'or a line close behind it is no UTF-8 text')
    if (error instanceof Error && 'code' in error) {
      throw new SwarmError('invalid_argument', `can't read ${path}: ${messageOf(error)}`, { cause: error })
    }
    throw error
  }
}

function corrupt(path: string, line: number, reason: string): SwarmError {
  return new SwarmError('history_corrupt', `${path}: line ${line} ${reason}`, { details: { path, line } })
}
