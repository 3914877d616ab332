import { describe, expect, it } from 'vitest'
import { INITIAL_CONTEXT } from '../../src/machines/context.ts'
import { exhausted } from '../../src/machines/verdicts.ts'

describe('a session whose turns were all cut short', () => {
  it.each([
    [1, 0, 'cut short 1 time in a row, 0 restarts allowed'],
    [2, 1, 'cut short 2 times in a row, 1 restart allowed'],
  ])('%i times with %i restarts allowed says so', (restart, restarts_max, summary) => {
    expect(exhausted(INITIAL_CONTEXT, { restart, restarts_max })).toMatchObject({ outcome: 'blocked', summary })
  })

  it('says how many there were', () => {
    const last = exhausted({ ...INITIAL_CONTEXT, turnsStarted: 1 }, { restart: 1, restarts_max: 1 })
    expect(last).toMatchObject({ outcome: 'failed', summary: 'the last of 1 turn was cut short' })
  })
})
