/** What is shown or handed on of a history goes on without an artifact that can't be had any more, and says so. */
import type { ArtifactRef } from '../events/parts.ts'
import { isSwarmError, messageOf } from './errors.ts'
import type { ClientPorts } from './ports.ts'

/** The content, or why there is none: it is not in the store, or is there something else than its name says. */
export async function contentOrLoss(
  { artifacts }: Pick<ClientPorts, 'artifacts'>,
  ref: ArtifactRef,
): Promise<{ content: Uint8Array } | { loss: string }> {
  try {
    return { content: await artifacts.get(ref) }
  } catch (error) {
    if (!isSwarmError(error, 'artifact_missing') && !isSwarmError(error, 'history_corrupt')) throw error
    return { loss: messageOf(error) }
  }
}
