import canonicalize from 'canonicalize'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalJson } from '../../src/events/canonical-json.ts'

describe('canonicalJson', () => {
  it('is what the canonicalize package gives, for any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(canonicalJson(value)).toBe(canonicalize(value))
      }),
    )
  })

  it('leaves out what JSON has not, and orders keys by code units', () => {
    for (const value of [
      { b: undefined, a: [undefined, 1], '\u{1f600}': 1, '￿': 2, 10: 'x', 9: 'y', 'é"\\': '\n' },
      { date: new Date(0), zero: -0, large: 1e21, small: 1e-7, symbol: Symbol('x') },
    ])
      expect(canonicalJson(value)).toBe(canonicalize(value))
  })

  it('refuses what has no canonical form', () => {
    for (const value of ['\ud800', { '\udc00': 1 }, [Number.NaN], { a: Number.POSITIVE_INFINITY }])
      expect(() => canonicalJson(value)).toThrow(/./)
  })
})
