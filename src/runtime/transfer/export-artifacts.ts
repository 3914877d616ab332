/** The artifacts that an event names. */
import type { SwarmEvent } from '../../events/envelope.ts'
import type { ArtifactRef, Output } from '../../events/parts.ts'

export function artifactsOf(event: SwarmEvent): ArtifactRef[] {
  return named(event).filter((ref) => ref !== null && ref !== undefined)
}

function named(event: SwarmEvent): (ArtifactRef | null | undefined)[] {
  switch (event.type) {
    case 'turn.started':
      return [event.data.prompt, event.data.request]
    case 'turn.exited':
      return [...outputs(event.data), event.data.response_artifact]
    case 'turn.stalled':
    case 'turn.timed_out':
    case 'turn.interrupted':
    case 'turn.stopped':
      return outputs(event.data)
    case 'workspace.captured':
      return [event.data.patch]
    case 'workspace.archived':
      return [event.data.archive]
    default:
      return []
  }
}

function outputs({ stdout, stderr }: { stdout?: Output | undefined; stderr?: Output | undefined }) {
  return [stdout?.artifact, stderr?.artifact]
}
