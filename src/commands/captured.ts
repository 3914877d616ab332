/** The captured work of a session, for `diff` and `apply`. */
import { CliError } from '../adapters/cli/report-error.ts'
import type { ConnectedSwarm } from '../connect.ts'
import type { Capture, Workspace } from '../events/parts.ts'
import { notFound } from './refusals.ts'
import { trailOf } from './session-facts.ts'

export type Captured = { capture: Capture; workspace: Workspace; content: Uint8Array }

/** Throws `session_not_found`, and `nothing_captured` when the session has none, or none yet. */
export async function capturedWork(swarm: ConnectedSwarm, sessionId: string): Promise<Captured> {
  let capture: Capture | null = null
  let workspace: Workspace | null = null
  let closed = false
  const trail = await trailOf(swarm, sessionId)
  if (trail.length === 0) throw notFound(sessionId)
  for (const event of trail) {
    if (event.type === 'workspace.created') workspace = event.data
    if (event.type === 'workspace.captured') capture = event.data
    closed ||= event.type === 'session.closed'
  }
  if (capture === null || workspace === null) throw nothingCaptured(sessionId, workspace, closed)
  const content = capture.patch === null ? new Uint8Array() : await swarm.ports.artifacts.get(capture.patch)
  return { capture, workspace, content }
}

function nothingCaptured(sessionId: string, workspace: Workspace | null, closed: boolean): CliError {
  const why = closed
    ? workspace === null
      ? 'ended before it had a workspace'
      : workspace.source === 'in-place'
        ? `worked in place, so its work is in ${workspace.path} already`
        : `has no captured work; look into its workspace ${workspace.path}`
    : `is not over yet, and its work is captured at the end; wait for it: swarmtrail wait ${sessionId}`
  return new CliError('nothing_captured', `session ${sessionId} ${why}`, { session_id: sessionId })
}
