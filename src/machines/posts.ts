/** Which posts wait for approval. */
import type { SwarmEvent } from '../events/envelope.ts'
import { postIdOf } from '../events/ids.ts'
import type { PostKind } from '../events/parts.ts'
import type { Outcome } from '../events/terms.ts'
import type { SessionContext } from './context.ts'

export function outcomePost(
  context: SessionContext,
  event: SwarmEvent,
  outcome: Outcome,
  summary: string,
): SessionContext['post'] {
  if (outcome === 'stopped') return null
  if (outcome !== 'completed') return heldPost(context, event, 'blocker', summary)
  return context.lastOutcome === 'no_op_success' ? null : heldPost(context, event, 'completion', summary)
}

/** The post that has to be recorded as held; null when posts need no approval or go nowhere. */
export function heldPost(
  context: SessionContext,
  event: SwarmEvent,
  kind: PostKind,
  summary: string,
): SessionContext['post'] {
  const output = context.started?.output
  if (output === undefined || !output.require_approval_before_emit || output.emit_to.length === 0) return null
  return { post_id: postIdOf(event.subject, event.id), kind, summary }
}
