/** Ends what a run left behind: SIGTERM, and SIGKILL for what is still there two seconds later. */
import { setTimeout as sleep } from 'node:timers/promises'
import { isErrno } from './errno.ts'
import type { Found, Survey, Traces } from './marked-processes.ts'
import { HAS_PROC, readStat } from './process-identity.ts'
import { survey } from './shared-look.ts'

const TERM_GRACE_MS = 2_000
/** A killed process that is still there after this long hangs in the kernel; waiting longer would hang us too. */
const KILL_SETTLE_MS = 1_000
const POLL_FIRST_MS = 1
const POLL_MAX_MS = 50
/** How often we look again because the processes changed while we looked, though none of ours was among them. */
const QUIET_ROUNDS_MAX = 5

type Ended = {
  /** Pids of the processes we signalled. */
  signalled: number[]
  /** Pids that withstood even SIGKILL. */
  left: number[]
}

/** Settles when nothing of the run can be found any more. Costs one look when nothing is left. */
export async function endLeftovers(traces: Traces): Promise<Ended> {
  const signalled = new Set<number>()
  const killAtMs = performance.now() + TERM_GRACE_MS
  let previous: Survey | null = null
  let quietRounds = 0
  for (let pauseMs = POLL_FIRST_MS; ; pauseMs = Math.min(pauseMs * 2, POLL_MAX_MS)) {
    const seen = await survey(traces)
    quietRounds = seen.alive.length === 0 ? quietRounds + 1 : 0
    const isOver = quietRounds === QUIET_ROUNDS_MAX || (quietRounds > 0 && isConclusive(seen, previous))
    const nowMs = performance.now()
    if (isOver || nowMs > killAtMs + KILL_SETTLE_MS) {
      return { signalled: [...signalled], left: seen.alive.map(({ pid }) => pid) }
    }
    if (nowMs < killAtMs) terminate(traces, seen.alive, signalled)
    else kill(traces, seen.alive)
    for (const { pid } of seen.alive) signalled.add(pid)
    previous = seen
    await sleep(pauseMs)
  }
}

/** Whether nobody can have slipped past: no process was just going or being replaced, other than those seen before. */
function isConclusive(seen: Survey, previous: Survey | null): boolean {
  const known = new Set(previous?.fleeting)
  return seen.blank.length === 0 && seen.fleeting.every((pid) => known.has(pid))
}

/** Asks each process once: the group together, later comers one by one. Many programs take a second SIGTERM for haste. */
function terminate({ leader }: Traces, alive: readonly Found[], signalled: ReadonlySet<number>): void {
  const isFirst = !alive.some(({ pid, isMember }) => isMember && signalled.has(pid))
  if (leader !== null && isFirst && alive.some(({ isMember }) => isMember)) send(-leader.pid, 'SIGTERM')
  for (const target of alive) {
    const isTold = signalled.has(target.pid) || (target.isMember && isFirst)
    if (!isTold && isStill(target)) send(target.pid, 'SIGTERM')
  }
}

function kill({ leader }: Traces, alive: readonly Found[]): void {
  // The whole group at once: its members can't outrun that by forking.
  if (leader !== null && alive.some(({ isMember }) => isMember)) send(-leader.pid, 'SIGKILL')
  for (const target of alive) {
    if (!target.isMember && isStill(target)) send(target.pid, 'SIGKILL')
  }
}

/** Ends a group of our own without looking, when looking is not possible. */
export function killGroup(groupId: number): void {
  send(-groupId, 'SIGKILL')
}

function isStill({ pid, startedTicks }: Found): boolean {
  return !HAS_PROC || readStat(pid)?.startedTicks === startedTicks
}

function send(target: number, signal: NodeJS.Signals): void {
  try {
    process.kill(target, signal)
  } catch (error) {
    // ESRCH: it has just gone. EPERM: it changed its user; what can't be ended is reported as left.
    if (!isErrno(error, 'ESRCH', 'EPERM')) throw error
  }
}
