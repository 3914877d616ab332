/** How an interpreter and the effects it starts talk to each other. */
import type { EffectResult } from '../machines/commands.ts'
import type { SessionState } from '../machines/decider.ts'
import type { Intent } from '../machines/intents.ts'

/** Why an effect is told to end: the session stops, the runner drains, the session is not ours any more, or it moved on. */
export type AbortReason = 'stop' | 'drain' | 'lost' | 'superseded'

export type EffectScope = {
  signal: AbortSignal
  /** The effect may have been begun before, by a runner that is gone or an attempt that failed; its processes may live on. */
  recovered: boolean
  state: () => SessionState
  /** Records a fact on the way to the result, without waiting for it. */
  report: (body: EffectResult) => void
}

/**
 * Performs one effect and answers with its result; null: given up because its signal fired. A throw becomes
 * `EFFECT_FAILED`, unless it is retryable.
 */
export type Perform = (intent: Intent, scope: EffectScope) => Promise<EffectResult | null>
