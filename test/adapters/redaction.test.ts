import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { StreamRedactor } from '../../src/adapters/shell/stream-redactor.ts'
import { redactDeep, redactText, secretsOf } from '../../src/events/redaction.ts'

describe('secretsOf', () => {
  it('takes variables whose name sounds secret, in any case, and listed ones', () => {
    const env = { API_TOKEN: 'tttt', db_password: 'pppp', SshKey: 'kkkk', MY_CREDENTIALS: 'cccc', SECRET_X: 'ssss' }
    expect(secretsOf({ ...env, HOME: '/root', DSN: 'postgres' }, ['DSN'])).toEqual({ ...env, DSN: 'postgres' })
  })

  it('ignores unset, empty and very short values', () => {
    expect(secretsOf({ A_KEY: undefined, B_KEY: '', C_KEY: '123', D_KEY: '1234' })).toEqual({ D_KEY: '1234' })
  })
})

describe('redactText', () => {
  it('replaces every occurrence by the name of its variable', () => {
    expect(redactText('a hunter2 b hunter2', { DB_PASSWORD: 'hunter2' })).toBe(
      'a [redacted:DB_PASSWORD] b [redacted:DB_PASSWORD]',
    )
  })

  it('prefers the longest secret at a place', () => {
    expect(redactText('abcdefgh abcdxx', { SHORT: 'abcd', LONG: 'abcdefgh' })).toBe(
      '[redacted:LONG] [redacted:SHORT]xx',
    )
  })

  it('takes values literally', () => {
    expect(redactText('x a.*b(c)$& y axxb', { T: 'a.*b(c)$&' })).toBe('x [redacted:T] y axxb')
  })

  it('leaves the text alone when all values are too short', () => {
    expect(redactText('1 yes', { A: '1', B: 'yes', C: '' })).toBe('1 yes')
  })
})

describe('redactDeep', () => {
  it('redacts strings and keys at any depth and keeps everything else', () => {
    const value = { n: 1, ok: true, none: null, list: ['my hunter2', { hunter2: ['hunter2'] }] }
    expect(redactDeep<unknown>(value, { P: 'hunter2' })).toEqual({
      n: 1,
      ok: true,
      none: null,
      list: ['my [redacted:P]', { '[redacted:P]': ['[redacted:P]'] }],
    })
  })

  it('keeps a __proto__ key as plain data', () => {
    const value: unknown = JSON.parse('{"__proto__": {"a": "hunter2"}}')
    expect(JSON.stringify(redactDeep(value, { P: 'hunter2' }))).toBe('{"__proto__":{"a":"[redacted:P]"}}')
  })
})

describe('StreamRedactor', () => {
  it('finds a secret split across pieces', () => {
    const redactor = new StreamRedactor({ T: 'hunter2' })
    expect([redactor.push('my hun'), redactor.push('te'), redactor.push('r2!'), redactor.flush()]).toEqual([
      'my ',
      '',
      '[redacted:T]!',
      '',
    ])
  })

  it('holds nothing back when no secret has begun', () => {
    const redactor = new StreamRedactor({ T: 'hunter2' })
    expect(redactor.push('a line of output')).toBe('a line of output')
  })

  it('gives out a beginning that came to nothing', () => {
    const redactor = new StreamRedactor({ T: 'hunter2' })
    expect([redactor.push('hunt'), redactor.push('ing'), redactor.push(' hun'), redactor.flush()]).toEqual([
      '',
      'hunting',
      ' ',
      'hun',
    ])
  })

  it('waits for the longer of two secrets', () => {
    const redactor = new StreamRedactor({ SHORT: 'abcd', LONG: 'abcdefgh' })
    expect(redactor.push('abcd') + redactor.push('efgh')).toBe('[redacted:LONG]')
  })

  it('gives the same text as redacting the whole, whatever the chunking', () => {
    // Two letters only, so that secrets overlap, contain and extend each other all the time.
    const letters = (minLength: number, maxLength: number) =>
      fc.array(fc.constantFrom('a', 'b'), { minLength, maxLength }).map((chars) => chars.join(''))
    fc.assert(
      fc.property(
        fc.array(letters(0, 4), { maxLength: 30 }),
        fc.dictionary(fc.constantFrom('A', 'B', 'C', 'D'), letters(3, 8)),
        (pieces, secrets) => {
          const redactor = new StreamRedactor(secrets)
          const streamed = pieces.map((piece) => redactor.push(piece)).join('') + redactor.flush()
          expect(streamed).toBe(redactText(pieces.join(''), secrets))
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('never holds back more than the longest secret less one character', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom('a', 'b') }), { maxLength: 30 }), (pieces) => {
        const redactor = new StreamRedactor({ A: 'aabb', B: 'abababab' })
        const out = pieces.map((piece) => redactor.push(piece)).join('')
        const rest = redactor.flush()
        expect(rest.replaceAll(/\[redacted:.\]/g, 'xxxx').length).toBeLessThanOrEqual(7)
        expect(out + rest).toBe(redactText(pieces.join(''), { A: 'aabb', B: 'abababab' }))
      }),
    )
  })
})
