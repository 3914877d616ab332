/** A turn answered done: would the other workflow's stop checks have believed it? */
import type { RecordedEvent } from '../../events/envelope.ts'
import { judgeChecks, type Evidence } from './checks.ts'
import type { Walk } from './walk.ts'

export type Claim =
  | { kind: 'as_recorded' }
  | { kind: 'completes' | 'blocks'; why: string }
  | { kind: 'unknown'; why: string }

type Decision = 'completes' | 'blocks' | 'goes_on'
const AS_RECORDED: Claim = { kind: 'as_recorded' }

/** Asked at the `turn.completed` of the claim. */
export function claimUnder(walk: Walk): Claim {
  const after = untilNextTurn(walk)
  const recorded = recordedDecision(walk, after)
  const { stop } = walk.config.autonomy
  if (stop.length === 0)
    return decide(recorded, 'completes', `turn ${walk.turns} answered done, and no stop check would have doubted it`)
  // The record broke off before the checks had judged, e.g. by a stop.
  if (recorded === null) return AS_RECORDED
  const { failed, unknown } = judgeChecks(stop, evidenceOf(walk, after))
  if (failed.length > 0) {
    const goesOn = walk.config.autonomy.on_stop_failure === 'continue' && walk.turns < walk.limits.max_turns
    return decide(
      recorded,
      goesOn ? 'goes_on' : 'blocks',
      `turn ${walk.turns} answered done, and these stop checks would have failed: ${failed.join(', ')}`,
    )
  }
  if (unknown.length > 0)
    return {
      kind: 'unknown',
      why: `turn ${walk.turns} answered done; what these stop checks would have found is not in the record: ${unknown.join(', ')}`,
    }
  return decide(recorded, 'completes', `turn ${walk.turns} answered done, and the stop checks would have passed`)
}

function decide(recorded: Decision | null, decided: Decision, why: string): Claim {
  if (decided === recorded) return AS_RECORDED
  if (decided !== 'goes_on') return { kind: decided, why }
  return { kind: 'unknown', why: `${why}; what the next turn would have done is not in the record` }
}

function untilNextTurn({ events, index }: Walk): readonly RecordedEvent[] {
  const end = events.findIndex(({ type }, at) => at > index && type === 'turn.started')
  return events.slice(index + 1, end === -1 ? undefined : end)
}

/** What the record decided about the claim; null when something else came first. */
function recordedDecision(walk: Walk, after: readonly RecordedEvent[]): Decision | null {
  if ((walk.started?.config.autonomy.stop.length ?? 0) === 0) return 'completes'
  const first = after.find(
    ({ type }) =>
      type === 'checks.passed' || type === 'checks.failed' || type === 'stop.requested' || type === 'session.failed',
  )
  if (first?.type === 'checks.passed') return 'completes'
  if (first?.type !== 'checks.failed') return null
  const turnsLeft = walk.turns < (walk.started?.limits.max_turns ?? 0)
  return walk.started?.config.autonomy.on_stop_failure === 'continue' && turnsLeft ? 'goes_on' : 'blocks'
}

function evidenceOf({ events, started }: Walk, after: readonly RecordedEvent[]): Evidence {
  const judged = after.find((event) => event.type === 'checks.passed' || event.type === 'checks.failed')
  const results = judged?.type === 'checks.passed' || judged?.type === 'checks.failed' ? judged.data.checks : []
  const configured = started?.config.autonomy.stop ?? []
  const paired = configured.length === results.length ? configured : []
  const captured = after.find((event) => event.type === 'workspace.captured')
  const created = events.find((event) => event.type === 'workspace.created')
  return {
    recorded: paired.flatMap((check, index) => {
      const result = results[index]
      return result === undefined ? [] : [{ check, result }]
    }),
    capture: captured?.type === 'workspace.captured' ? captured.data : null,
    source: created?.type === 'workspace.created' ? created.data.source : null,
  }
}
