/**
 * What earlier owners of a session may have left running on a host: processes of effects that were under way when
 * somebody else took over. The trail tells which; the system tells whether they still live.
 */
import type { CurrentTurn } from '../machines/context.ts'
import { contextOf, type SessionState } from '../machines/decider.ts'
import type { Intent, IntentType } from '../machines/intents.ts'
import { markerOf } from './effects/effect.ts'
import type { LogEvent, LogParked, SpawnedProcess } from './ports.ts'

export type Leftover = { process: SpawnedProcess | null; marker: string }

const WITH_PROCESSES: ReadonlySet<IntentType> = new Set(['runHook', 'runChecks', 'execTurn', 'runTool'])

/** How to find what an earlier attempt at an effect left: its marker, and the process where the trail knows it. */
export function leftoverOf(intent: Intent, turn: CurrentTurn | null): Leftover {
  const spawned = intent.type === 'execTurn' ? (turn?.spawned ?? null) : null
  const process =
    spawned === null ? null : { pid: spawned.pid, pgid: spawned.pgid, processStartedAt: spawned.process_started_at }
  return { process, marker: markerOf(intent) }
}

export class Leftovers {
  private readonly found: { host: string; leftover: Leftover }[] = []

  /** Looks at each item of a trail before it is taken into the state. */
  look(state: SessionState, item: LogEvent | LogParked): void {
    const { claim, turn } = contextOf(state)
    if (item.kind !== 'event' || item.event.type !== 'session.claimed' || claim === null) return
    for (const intent of state.pending) {
      if (WITH_PROCESSES.has(intent.type)) this.found.push({ host: claim.host, leftover: leftoverOf(intent, turn) })
    }
  }

  /** Those on a host; without what is still to be done, whose leftovers are ended when it is begun again. */
  on(host: string, { pending }: SessionState): Leftover[] {
    const open = new Set(pending.map(markerOf))
    return this.found
      .filter((each) => each.host === host && !open.has(each.leftover.marker))
      .map((each) => each.leftover)
  }
}
