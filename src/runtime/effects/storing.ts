/**
 * What a session puts into the store of artifacts. A long text, and whatever lies in a file, is stored before the event
 * that names it. What is short is sent before that event and in the store before anything follows from it: so nothing
 * waits for it, and a runner that dies in between costs none, as it was on its way already.
 */
import type { ArtifactRef, Output } from '../../events/parts.ts'
import { redactText, type Secrets } from '../../events/redaction.ts'
import { digestOf } from '../../events/text-digest.ts'
import { isSwarmError, messageOf } from '../errors.ts'
import type { CapturedOutput, RunnerPorts } from '../ports.ts'
import type { EffectScope } from '../effect-scope.ts'

export type Upload = { content: string; stored: Promise<ArtifactRef> }
type Input = { ports: RunnerPorts; scope: EffectScope; uploads: Set<Upload> }

/** In UTF-8 at most 128 KiB, which a store takes at once. */
const SHORT_CHARS_MAX = 32_768

/** Stores a text, redacted, or begins to; says what it is called: the name is the content's own digest. */
export async function upload(input: Input, text: string, secrets: Secrets): Promise<ArtifactRef> {
  const { ports } = input
  const content = redactText(text, secrets)
  if (content.length > SHORT_CHARS_MAX) return storeSurely(input, () => ports.artifacts.put(content))
  begin(input, content)
  return digestOf(ports.sha256, content)
}

function begin({ ports, uploads }: Input, content: string): void {
  const stored = ports.artifacts.put(content)
  const begun = { content, stored }
  uploads.add(begun)
  // Whoever waits for it stores it again if it failed; until then a failure must not count as unhandled.
  void stored.then(
    () => uploads.delete(begun),
    (error: unknown) => ports.logger.warn('an upload will be repeated', { error: messageOf(error) }),
  )
}

/** Resolves once these are in the store. Throws what can't pass, and what stands in the way once the session is lost. */
export async function finishUploads(input: Input, begun: readonly Upload[]): Promise<void> {
  for (const upload of begun) {
    let first: Promise<ArtifactRef> | null = upload.stored
    await storeSurely(input, () => {
      const attempt = first ?? input.ports.artifacts.put(upload.content)
      first = null
      return attempt
    })
    input.uploads.delete(upload)
  }
}

/** An event's view of one stream: the tail, and a reference to the whole when the tail is not all of it. */
export async function storeOutput(ports: RunnerPorts, output: CapturedOutput): Promise<Output> {
  const whole = output.clipped && output.file !== null
  const artifact = whole && output.file !== null ? await ports.artifacts.putFile(output.file) : null
  return { tail: output.tail, bytes: output.bytes, clipped: output.clipped, artifact }
}

const STORE_WAIT_MS_MIN = 100
const STORE_WAIT_MS_MAX = 2_000

/**
 * Waits out faults that pass (the store can't be reached): what a process has left behind must not be lost for them,
 * and the process must not be run again. Gives up only when the session is not ours any more.
 */
export async function storeSurely<T>(
  { ports, scope }: { ports: RunnerPorts; scope: EffectScope },
  store: () => Promise<T>,
): Promise<T> {
  for (let waitMs = STORE_WAIT_MS_MIN; ; waitMs = Math.min(waitMs * 2, STORE_WAIT_MS_MAX)) {
    try {
      return await store()
    } catch (error) {
      if (!isSwarmError(error) || !error.retryable || scope.signal.reason === 'lost') throw error
      await ports.clock.sleep(waitMs)
    }
  }
}
