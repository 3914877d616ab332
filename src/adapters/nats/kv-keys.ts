/**
 * Keys of a KV bucket for any string. Letters, digits and `-` `_` `/` and inner single dots stay as they are; every
 * other character is written as `=` and two hex digits per UTF-8 byte, so people still read most of it.
 */
import { SwarmError } from '../../runtime/errors.ts'

/**
 * Subjects travel in one protocol line of at most 4096 bytes, with the name of the stream and an address for the reply.
 * A reference of 256 characters takes 9 bytes for each in the worst case.
 */
const encodedMaxBytes = 2_560
/** An `=` that hex digits don't follow is in no encoded key but the empty one's. */
const EMPTY = '='
export const CHECKPOINT_KEY = '=checkpoint'

/** Throws `invalid_argument` for a key that is too long or no valid Unicode. */
export function encodeKey(key: string): string {
  if (/\p{Surrogate}/u.test(key)) throw new SwarmError('invalid_argument', 'a key must be valid Unicode')
  const encoded = encodedOf(key)
  if (encoded.length > encodedMaxBytes)
    throw new SwarmError('invalid_argument', `a key may have ${encodedMaxBytes} bytes at most: ${key.slice(0, 40)}…`)
  return encoded
}

export function decodeKey(encoded: string): string {
  if (encoded === EMPTY) return ''
  return encoded.replaceAll(/(?:=[0-9A-F]{2})+/g, (run) => Buffer.from(run.replaceAll('=', ''), 'hex').toString('utf8'))
}

/** Whether it is what {@link encodeKey} makes of some key; others may write any. */
export function isEncodedKey(encoded: string): boolean {
  return encodedOf(decodeKey(encoded)) === encoded
}

function encodedOf(key: string): string {
  return key === '' ? EMPTY : key.replaceAll(/[^\w\-/.]|^\.|\.$|(?<=\.)\./gu, escaped)
}

function escaped(character: string): string {
  const hex = [...Buffer.from(character, 'utf8')].map((byte) => byte.toString(16).padStart(2, '0'))
  return hex.map((byte) => `=${byte.toUpperCase()}`).join('')
}
