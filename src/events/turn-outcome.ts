/** What a finished turn came to, for posts and views. Both the machine and its readers use this one rule. */
import type { ExecutorResponse, TurnOutcome } from './parts.ts'

/** Of a turn without a response, or with one that broke the rules. */
export const NO_USABLE_ANSWER = 'the executor gave no usable answer'

export type TurnVerdict = { outcome: TurnOutcome; outcome_reason: string }

/**
 * Classifies a turn that ended by itself: one that is blocked, failed or without an answer to go by escalates; one that made no tool call is a silent success
 * where the workflow asks for silence; all else is worth telling.
 */
export function classifyTurn(turn: {
  /** Null: there is no answer, or none that can be used. */
  status: ExecutorResponse['status'] | null
  toolCalls: number
  silentUnlessBlocked: boolean
}): TurnVerdict {
  if (turn.status === null) return { outcome: 'escalation_blocker', outcome_reason: NO_USABLE_ANSWER }
  if (turn.status === 'blocked' || turn.status === 'failed') {
    return { outcome: 'escalation_blocker', outcome_reason: `the executor answered ${turn.status}` }
  }
  if (turn.silentUnlessBlocked && turn.toolCalls === 0) {
    return { outcome: 'no_op_success', outcome_reason: 'no tool was called and nothing blocked, so it stays silent' }
  }
  const calls = turn.toolCalls === 1 ? '1 tool call' : `${turn.toolCalls} tool calls`
  return { outcome: 'meaningful_completion', outcome_reason: `the executor answered ${turn.status} with ${calls}` }
}
