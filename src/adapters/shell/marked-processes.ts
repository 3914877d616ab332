/**
 * Finds what a run left behind: members of its process group, and children that left the group but carry its marker in
 * their environment. Linux only; elsewhere all that can be seen is whether the group answers.
 *
 * This happens after every run, so it has to be cheap: a process that is older than the run is not looked into, and
 * after a short run processes with pids from before it are not even listed.
 */
import { fstatSync, closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { isErrno } from './errno.ts'
import { HAS_PROC, readProc, readStat, type ProcessStat } from './process-identity.ts'

export const MARKER_VARIABLE = 'SWARMTRAIL_MARKER'

/** What is known of a run whose processes are looked for. */
export type Traces = {
  marker: string
  /** The group's leader, which must be ours for certain; null: only the marker counts. */
  leader: { pid: number; startedTicks: number } | null
  /** Monotonic ms of the launch when it was ours just now: pids can't have wrapped around soon after. */
  launchedMs: number | null
  /** The leader is gone for certain, as it was waited for: whatever it started was there before we look. */
  hasExited: boolean
}

export type Found = { pid: number; startedTicks: number; isMember: boolean }

export type Survey = {
  alive: Found[]
  /** Went away while we looked, perhaps after starting another process that we have missed. */
  fleeting: number[]
  /** Caught while being replaced by another program (`execve`), when they have no environment to look at. */
  blank: number[]
}

/** More processes and threads than this in a millisecond no machine starts. */
const FORKS_PER_MS_MAX = 100
const PID_MAX_LEAST = 32_768

export function survey(traces: Traces): Survey {
  const found: Survey = { alive: [], fleeting: [], blank: [] }
  if (!HAS_PROC) return answers(traces.leader?.pid) ? { ...found, alive: [leaderOf(traces)] } : found
  const groupId = ownedGroup(traces)
  for (const pid of candidates(traces)) {
    const stat = readStat(pid)
    if (stat === null) found.fleeting.push(pid)
    else if (isYounger(stat, traces)) classify(stat, traces, groupId, found)
  }
  return found
}

function classify(stat: ProcessStat, traces: Traces, groupId: number | null, found: Survey): void {
  const { pid, startedTicks } = stat
  if (stat.isZombie) {
    found.fleeting.push(pid)
  } else if (stat.groupId === groupId && stat.sessionId === groupId) {
    found.alive.push({ pid, startedTicks, isMember: true })
  } else {
    const environment = environmentOf(pid)
    if (environment.kind === 'gone') found.fleeting.push(pid)
    else if (environment.kind === 'ours' && environment.text === '') found.blank.push(pid)
    else if (environment.kind === 'ours' && carries(environment.text, traces.marker)) {
      found.alive.push({ pid, startedTicks, isMember: false })
    }
  }
}

/** The group's id, unless its leader's pid belongs to somebody else by now. */
function ownedGroup({ leader, hasExited }: Traces): number | null {
  if (leader === null) return null
  if (hasExited) return leader.pid
  const stat = readStat(leader.pid)
  return stat === null || stat.startedTicks === leader.startedTicks ? leader.pid : null
}

function isYounger(stat: ProcessStat, { leader }: Traces): boolean {
  return !stat.isKernelThread && stat.pid !== process.pid && stat.startedTicks >= (leader?.startedTicks ?? 0)
}

function candidates({ leader, launchedMs, hasExited }: Traces): number[] {
  if (leader === null || launchedMs === null || !isSoonAfter(launchedMs)) return allPids()
  const last = lastPid()
  if (last === leader.pid) return hasExited ? [] : [leader.pid]
  if (last < leader.pid) return allPids()
  return allPids().filter((pid) => (hasExited ? pid > leader.pid : pid >= leader.pid))
}

function isSoonAfter(launchedMs: number): boolean {
  return performance.now() - launchedMs < pidMax() / FORKS_PER_MS_MAX
}

function allPids(): number[] {
  return readdirSync('/proc').map(Number).filter(Number.isInteger)
}

/** The pid given out last in our namespace. */
function lastPid(): number {
  return Number((readProc('/proc/loadavg') ?? '').trim().split(' ').at(-1)) || 0
}

let knownPidMax: number | undefined
function pidMax(): number {
  knownPidMax ??= Number(readProc('/proc/sys/kernel/pid_max')) || PID_MAX_LEAST
  return knownPidMax
}

/** `foreign`: somebody else's process, or not ours to look into. */
type Environment = { kind: 'ours'; text: string } | { kind: 'foreign' } | { kind: 'gone' }

function environmentOf(pid: number): Environment {
  let fd: number | undefined
  try {
    fd = openSync(`/proc/${pid}/environ`, 'r')
    if (fstatSync(fd).uid !== process.geteuid?.()) return { kind: 'foreign' }
    return { kind: 'ours', text: readFileSync(fd, 'utf8') }
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ESRCH')) return { kind: 'gone' }
    if (isErrno(error, 'EACCES', 'EPERM')) return { kind: 'foreign' }
    throw error
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

function carries(environment: string, marker: string): boolean {
  return `\0${environment}\0`.includes(`\0${MARKER_VARIABLE}=${marker}\0`)
}

function answers(groupId: number | undefined): boolean {
  if (groupId === undefined) return false
  try {
    process.kill(-groupId, 0)
    return true
  } catch (error) {
    // EPERM: on some systems what a group of nothing but zombies answers.
    if (isErrno(error, 'ESRCH', 'EPERM')) return false
    throw error
  }
}

function leaderOf({ leader }: Traces): Found {
  return { pid: leader?.pid ?? 0, startedTicks: leader?.startedTicks ?? 0, isMember: true }
}
