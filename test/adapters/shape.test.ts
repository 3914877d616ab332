/** Shapes of what the NATS adapters keep for themselves. */
import { describe, expect, it } from 'vitest'
import { anything, flag, matching, optional, shaped, text, whole } from '../../src/adapters/nats/shape.ts'

const SHAPE = { name: text, count: whole(1, 9), on: optional(flag), code: matching(/^[a-f]+$/), rest: anything }
const RIGHT = { name: 'a', count: 3, on: true, code: 'abc', rest: null }

describe('a shape', () => {
  it('gives what it names and nothing else', () => {
    expect(shaped(SHAPE, { ...RIGHT, more: 1 })).toEqual(RIGHT)
  })

  it('may leave out what is optional', () => {
    const { on: _on, ...without } = RIGHT
    expect(shaped(SHAPE, without)).toEqual(without)
  })

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['text', '{}'],
    ['a list', []],
    ['something missing', { ...RIGHT, name: undefined }],
    ['another kind', { ...RIGHT, name: 1 }],
    ['too little', { ...RIGHT, count: 0 }],
    ['too much', { ...RIGHT, count: 10 }],
    ['a part of a number', { ...RIGHT, count: 1.5 }],
    ['a number as text', { ...RIGHT, count: '3' }],
    ['another kind of what is optional', { ...RIGHT, on: 'true' }],
    ['text of another form', { ...RIGHT, code: 'xyz' }],
  ])('is not that of %s', (_what, value) => {
    expect(shaped(SHAPE, value)).toBeNull()
  })
})
