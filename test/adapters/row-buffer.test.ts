import { describe, expect, it } from 'vitest'
import { rowBuffer } from '../../src/adapters/nats/row-buffer.ts'

const LONG = 200_000
const texts = ['', 'a', 'é', '€', '😀', 'x'.repeat(LONG), '€'.repeat(LONG), '{"a":"ü"}', 'y'.repeat(10 * LONG), 'end']
const told = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

describe('the buffer of a row', () => {
  it('holds all texts of a row at once, however it grew meanwhile', () => {
    const buffer = rowBuffer()
    const written = texts.map((text) => buffer.bytesOf(text))
    expect(written.map(told)).toEqual(texts)
  })

  it('is used again for the next row, also after one that was too large to be kept for', () => {
    const buffer = rowBuffer()
    const first = buffer.bytesOf('first')
    buffer.reuse()
    expect(told(buffer.bytesOf('other'))).toBe('other')
    expect(told(first)).toBe('other')
    buffer.bytesOf('y'.repeat(10 * LONG))
    buffer.reuse()
    expect(texts.map((text) => buffer.bytesOf(text)).map(told)).toEqual(texts)
  })
})
