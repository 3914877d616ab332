/** How documents refer to turns and tool calls. */
import type { SessionId } from '../events/ids.ts'

/** Also the key of the turn's document in the view `audits`. */
export function turnRef(sessionId: SessionId, turnNumber: number): string {
  return `${sessionId}/${turnNumber}`
}

export function toolRef(sessionId: SessionId, turnNumber: number, call: number, toolName: string): string {
  return `${turnRef(sessionId, turnNumber)}/${call}:${toolName}`
}
