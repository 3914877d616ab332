import { expect, it } from 'vitest'
import { countWords, durationWords, sizeWords } from '../../src/words/amounts.ts'

it.each([
  [0, '0 ms'],
  [999, '999 ms'],
  [2_400, '2.4 s'],
  [185_000, '3 min 5 s'],
  [7_800_000, '2 h 10 min'],
  [356_400_000, '4 d 3 h'],
  [604_800_000, '7 d'],
  [-5, '0 ms'],
])('%i ms are %s', (ms, words) => expect(durationWords(ms)).toBe(words))

it('sizes are in powers of 1024', () =>
  expect([1, 1_023, 1_536, 3 * 1_048_576].map(sizeWords)).toEqual(['1 byte', '1023 bytes', '1.5 KiB', '3.0 MiB']))

it('one is one', () => expect([1, 2].map((count) => countWords(count, 'turn'))).toEqual(['1 turn', '2 turns']))
