import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalJson } from '../../src/events/canonical-json.ts'
import { hashOf, sealEvent } from '../../src/events/hash-chain.ts'
import { cut, isNestedTooDeep, isRecordable, NESTING_MAX, recordable } from '../../src/events/recordable.ts'
import { startInputSchema } from '../../src/events/start-input.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
/** Any UTF-16, half characters too. */
const anyText = fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units))

function nested(levels: number): unknown {
  let value: unknown = 1
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { value }
  return value
}

describe('cut', () => {
  it('is a beginning of the text, as long as may be, and never half a character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(20), (text, max) => {
        const short = cut(text, max)
        expect(text.startsWith(short)).toBe(true)
        expect(short.length).toBeLessThanOrEqual(max)
        expect(short.length).toBeGreaterThanOrEqual(Math.min(text.length, max - 1))
        expect(short).not.toMatch(/\p{Surrogate}/u)
      }),
    )
  })
})

describe('recordable', () => {
  it('leaves alone what can be recorded, and makes the rest so', () => {
    fc.assert(
      fc.property(
        fc.anything({ values: [anyText, fc.double(), fc.boolean(), fc.constant(null)], key: anyText }),
        (value) => {
          const result = recordable(value)
          expect(isRecordable(result)).toBe(true)
          expect(!isRecordable(value) || canonicalJson(result) === canonicalJson(value)).toBe(true)
        },
      ),
    )
  })

  it('says what has been there, as far as it can be said', () => {
    expect(recordable({ 'a\ud83d': ['🙂\ud83d!', Infinity, -0, 1.5] })).toEqual({
      'a\ufffd': ['🙂\ufffd!', null, -0, 1.5],
    })
  })
})

describe('isNestedTooDeep', () => {
  it('is so from one level more than there may be', () => {
    expect(isNestedTooDeep(nested(NESTING_MAX))).toBe(false)
    expect(isNestedTooDeep(nested(NESTING_MAX + 1))).toBe(true)
    expect(isNestedTooDeep(nested(1_000_000))).toBe(true)
  })

  it('is true of what holds itself', () => {
    const self: unknown[] = []
    self.push({ self }, { self })
    expect(isNestedTooDeep(self)).toBe(true)
  })
})

describe('an event', () => {
  const seal = { id: 'E1', source: 'runner/r', sessionId: 'S1', time: '2026-01-01T00:00:00.000Z', correlationId: 'S1' }
  const sealed = (summary: string) => {
    const fact = { type: 'session.failed', data: { reason_code: 'runner_error', summary } } as const
    return sealEvent(fact, { ...seal, causationId: 'E0', prevHash: '' }, sha256)
  }

  it('is sealed whatever text is in it, and its hash is that of what is stored', () => {
    for (const text of ['plain', 'ü🙂', 'half \ud83d', '\ude42']) {
      const event = sealed(text)
      const stored = JSON.parse(Buffer.from(JSON.stringify(event)).toString())
      expect(hashOf(stored, sha256)).toBe(event.hash)
      expect(event.data).toMatchObject({ summary: text.replace(/\p{Surrogate}/u, '\ufffd') })
    }
  })
})

describe('a request to start', () => {
  it.each([
    ['task', { task: 'x\ud800' }],
    ['context', { task: 'x', context: { a: '\ud800' } }],
    ['context', { task: 'x', context: { a: Infinity } }],
    ['context', { task: 'x', context: { a: 10n } }],
    ['context', { task: 'x', context: { a: nested(20_000) } }],
    ['labels', { task: 'x', labels: { '\ud800': 'b' } }],
    ['source_path', { task: 'x', source_path: '\ud800' }],
  ])('is refused for %s', (field, request) => {
    const parsed = startInputSchema.safeParse({ session_id: 'S1', ...request })
    expect(parsed.error?.issues.map(({ path }) => path[0])).toEqual([field])
  })
})
