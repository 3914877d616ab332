import type { TurnOutcome } from './parts.ts'

/**
 * Classifies a finished turn: `escalation_blocker` (blocked or failed), `no_op_success` (posts are to be silent unless
 * blocked, and no tool was called), `meaningful_completion` (everything else).
 */
export function classifyTurn(turn: {
  status: 'continue' | 'done' | 'blocked' | 'failed'
  toolCalls: number
  silentUnlessBlocked: boolean
}): { outcome: TurnOutcome; outcome_reason: string } {
  if (turn.status === 'blocked' || turn.status === 'failed') {
    return { outcome: 'escalation_blocker', outcome_reason: `the turn ended ${turn.status}` }
  }
  if (turn.silentUnlessBlocked && turn.toolCalls === 0) {
    return { outcome: 'no_op_success', outcome_reason: 'no tool was called and posts are silent unless blocked' }
  }
  return {
    outcome: 'meaningful_completion',
    outcome_reason: `the turn ended ${turn.status} after ${turn.toolCalls} tool calls`,
  }
}
