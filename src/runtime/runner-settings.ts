import type { StartInput } from '../events/start-input.ts'
import type { RecallEntry } from './effects/recall.ts'

/** How a runner is set up. Paths are absolute; milliseconds. */
export type RunnerSettings = {
  runnerId: string
  /** Source directory of sessions that name none. */
  sourceDir: string
  /** Root of workspaces when the workflow names none. */
  workspaceRoot: string
  /** Sessions at a time; those that are blocked and held don't count. */
  capacity: number
  leaseTtlMs: number
  drainMs: number
  /** What earlier sessions of the same piece of work ended with. */
  recall: (request: StartInput) => Promise<RecallEntry[]>
  /** Serve only these sessions; absent: all of the namespace. */
  only?: ReadonlySet<string> | undefined
}

export const LEASE_TTL_MS_DEFAULT = 10_000
export const LEASE_TTL_MS_MIN = 1_000
export const DRAIN_MS_DEFAULT = 30_000
