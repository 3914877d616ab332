import { describe, expect, it } from 'vitest'
import { statusOfCode, statusOfOutcome } from '../../src/adapters/cli/exit-status.ts'
import { clipped, oneLine } from '../../src/adapters/cli/printable.ts'
import { statusText } from '../../src/adapters/cli/status-line.ts'
import { fields, table } from '../../src/adapters/cli/table.ts'

const ESC = '\u001B'

describe('text of others on a terminal', () => {
  it('loses escape sequences, control bytes and marks of direction', () => {
    const hostile = `${ESC}[2J${ESC}]0;owned\u0007a\u0000\u0008b\u009Bc\u202Ed\u007F`
    expect(oneLine(hostile)).toBe('abd')
    expect(oneLine(`red ${ESC}[31mtask\u0007 ${ESC}(Bend`)).toBe('red task end')
  })

  it('is one line, whatever white space it had', () => expect(oneLine('a\n\n b\tc ')).toBe('a b c'))

  it('is cut between what a reader sees as characters', () => {
    expect(clipped('👩‍👩‍👧 family of three', 3)).toBe('👩‍👩‍👧 …')
    expect(clipped('short', 5)).toBe('short')
  })
})

describe('tables', () => {
  it('cut only the last column to the width', () => {
    const lines = table(
      ['ID', 'TASK'],
      [
        ['S1', 'x'.repeat(100)],
        ['S22', 'two\nlines'],
      ],
      30,
    )
    expect(lines).toEqual(['ID   TASK', `S1   ${'x'.repeat(24)}…`, 'S22  two lines'])
  })

  it('leave out fields without a value', () => {
    expect(
      fields([
        ['a', 'one'],
        ['long', null],
        ['bb', 'two'],
      ]),
    ).toEqual(['a   one', 'bb  two'])
  })
})

describe('the status line', () => {
  it('tells phase, turn, last activity and elapsed time within the width', () => {
    const progress = { sessionId: 'S1', phase: 'executing', turn: 2, maxTurns: 6, startedMs: 0, lastActivityMs: 57_000 }
    const text = statusText(progress, 60_000, 100)
    expect(text).toBe('S1 · executing · turn 2 of 6 · last activity 3 s ago · elapsed 1 min')
    expect(statusText(progress, 60_000, 20)).toHaveLength(19)
  })
})

describe('exit statuses', () => {
  it('follow the outcome', () => {
    expect((['completed', 'failed', 'blocked', 'stopped'] as const).map(statusOfOutcome)).toEqual([0, 1, 3, 4])
  })

  it('follow the code of an error', () => {
    const codes = ['invalid_argument', 'workflow_yaml', 'session_not_found', 'log_unreachable', 'server_not_found']
    expect(codes.map(statusOfCode)).toEqual([2, 2, 5, 69, 69])
    expect(['server_too_old', 'wait_timeout', 'not_accepted_in_phase', 'internal_error'].map(statusOfCode)).toEqual([
      69, 124, 1, 1,
    ])
  })
})
