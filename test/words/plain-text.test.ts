import { describe, expect, it } from 'vitest'
import { plainDeep, plainText } from '../../src/words/plain-text.ts'

const ESC = '\u001B'

describe('plain text', () => {
  it('is left alone', () => expect(plainText('größer\t→ 日本\n')).toBe('größer\t→ 日本\n'))

  it('has no control sequences, control bytes and marks of direction', () => {
    expect(plainText(`a${ESC}[2J${ESC}[31mb\u009B1mc\u0000\u0008d\u202E\u061Ce\u007F${ESC}(Bf`)).toBe('abcdef')
  })

  it('has no titles and links, but what follows one without an end stays', () => {
    expect(plainText(`${ESC}]0;owned\u0007a${ESC}]8;;http://x${ESC}\\link${ESC}P1q${ESC}\\`)).toBe('alink')
    expect(plainText(`a${ESC}]0;hidden\nb`)).toBe('a0;hidden\nb')
  })

  it('ends lines by newlines', () => expect(plainText(`a\r\nb\tc${ESC}[31m\rd`)).toBe('a\nb\tc\nd'))

  it('is everywhere in a value, keys included', () =>
    expect(plainDeep({ [`${ESC}[1mkey`]: [`${ESC}[1mtext`, 1, null] })).toEqual({ key: ['text', 1, null] }))
})
