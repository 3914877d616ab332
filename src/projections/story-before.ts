/** What an event's part of the story needs to know of the events before it. */
import type { SwarmEvent } from '../events/envelope.ts'
import type { ToolCall } from '../events/parts.ts'

export type Before = {
  /** What the last turn that ended asked for. */
  calls: readonly ToolCall[]
  stopAsked: boolean
}
export const NOTHING_BEFORE: Before = { calls: [], stopAsked: false }

export function afterEvent(before: Before, event: SwarmEvent): Before {
  if (event.type === 'turn.exited') return { ...before, calls: event.data.response?.tool_calls ?? [] }
  return event.type === 'stop.requested' ? { ...before, stopAsked: true } : before
}
