import { describe, expect, it } from 'vitest'
import { classifyTurn } from '../../src/events/turn-outcome.ts'

describe('classifyTurn', () => {
  it.each([
    ['blocked', 3, true, 'escalation_blocker'],
    ['failed', 0, true, 'escalation_blocker'],
    [null, 0, true, 'escalation_blocker'],
    ['done', 0, true, 'no_op_success'],
    ['continue', 0, true, 'no_op_success'],
    ['done', 1, true, 'meaningful_completion'],
    ['done', 0, false, 'meaningful_completion'],
    ['continue', 2, false, 'meaningful_completion'],
  ] as const)('%s with %i tool calls, silent %s: %s', (status, toolCalls, silentUnlessBlocked, outcome) => {
    const verdict = classifyTurn({ status, toolCalls, silentUnlessBlocked })
    expect(verdict.outcome).toBe(outcome)
    expect(verdict.outcome_reason).toContain(status === null ? 'gave no usable answer' : '')
    expect(verdict.outcome_reason).not.toBe('')
  })
})
