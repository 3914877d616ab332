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

/** What is looked for, and what was found of it. */
type Search = { traces: Traces; groupId: number | null; pidMin: number; found: Survey }

/** A survey that takes no look at other processes, as none was started since; null: one has to be taken. */
export function surveyItself(traces: Traces): Survey | null {
  const { leader, launchedMs, hasExited } = traces
  if (!HAS_PROC) return answers(leader?.pid) ? { ...nothing(), alive: [leaderOf(traces)] } : nothing()
  if (leader === null || launchedMs === null || !isSoonAfter(launchedMs) || lastPid() !== leader.pid) return null
  const search = { traces, groupId: ownedGroup(traces), pidMin: leader.pid, found: nothing() }
  if (!hasExited) lookAt(leader.pid, [search], new Map())
  return search.found
}

/** What there is of each of several runs, by one look at the processes. Linux only. */
export function surveyAll(all: readonly Traces[]): Survey[] {
  const last = lastPid()
  const searches = all.map((traces) => {
    return { traces, groupId: ownedGroup(traces), pidMin: pidMinOf(traces, last), found: nothing() }
  })
  const byMarker = new Map<string, Search[]>()
  for (const search of searches) {
    byMarker.set(search.traces.marker, [...(byMarker.get(search.traces.marker) ?? []), search])
  }
  const byGroup = new Map(searches.map(({ groupId, traces }) => [groupId, byMarker.get(traces.marker) ?? []]))
  const first = Math.min(...searches.map(({ pidMin }) => pidMin))
  for (const pid of allPids()) if (pid >= first) lookAt(pid, searches, byGroup)
  return searches.map(({ found }) => found)
}

/** What is in a run's own session has not come there from another's: then only that run's searches are concerned. */
function lookAt(pid: number, searches: readonly Search[], byGroup: ReadonlyMap<number | null, Search[]>): void {
  const stat = readStat(pid)
  if (stat === null) {
    for (const { pidMin, found } of searches) if (pid >= pidMin) found.fleeting.push(pid)
    return
  }
  if (stat.isKernelThread || pid === process.pid) return
  const owners = stat.groupId === stat.sessionId ? byGroup.get(stat.groupId) : undefined
  classify(stat, owners ?? searches)
}

function classify(stat: ProcessStat, searches: readonly Search[]): void {
  const { pid, startedTicks } = stat
  let environment: Environment | undefined
  for (const { traces, groupId, pidMin, found } of searches) {
    if (pid < pidMin || startedTicks < (traces.leader?.startedTicks ?? 0)) continue
    if (stat.isZombie) {
      found.fleeting.push(pid)
    } else if (stat.groupId === groupId && stat.sessionId === groupId) {
      found.alive.push({ pid, startedTicks, isMember: true })
    } else {
      environment ??= environmentOf(pid)
      if (environment.kind === 'gone') found.fleeting.push(pid)
      else if (environment.kind === 'ours' && environment.text === '') found.blank.push(pid)
      else if (environment.kind === 'ours' && environment.markers.has(traces.marker)) {
        found.alive.push({ pid, startedTicks, isMember: false })
      }
    }
  }
}

/** The group's id, unless its leader's pid belongs to somebody else by now. */
function ownedGroup({ leader }: Traces): number | null {
  if (leader === null) return null
  const stat = readStat(leader.pid)
  return stat === null || stat.startedTicks === leader.startedTicks ? leader.pid : null
}

function pidMinOf({ leader, launchedMs, hasExited }: Traces, last: number): number {
  if (leader === null || launchedMs === null || !isSoonAfter(launchedMs) || last < leader.pid) return 0
  return hasExited ? leader.pid + 1 : leader.pid
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
type Environment = { kind: 'ours'; text: string; markers: ReadonlySet<string> } | { kind: 'foreign' } | { kind: 'gone' }

function environmentOf(pid: number): Environment {
  let fd: number | undefined
  try {
    fd = openSync(`/proc/${pid}/environ`, 'r')
    if (fstatSync(fd).uid !== process.geteuid?.()) return { kind: 'foreign' }
    const text = readFileSync(fd, 'utf8')
    return { kind: 'ours', text, markers: markersIn(text) }
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ESRCH')) return { kind: 'gone' }
    if (isErrno(error, 'EACCES', 'EPERM')) return { kind: 'foreign' }
    throw error
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

function markersIn(environment: string): Set<string> {
  const assigned = `${MARKER_VARIABLE}=`
  if (!environment.includes(assigned)) return new Set()
  const variables = environment.split('\0').filter((variable) => variable.startsWith(assigned))
  return new Set(variables.map((variable) => variable.slice(assigned.length)))
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

function nothing(): Survey {
  return { alive: [], fleeting: [], blank: [] }
}

function leaderOf({ leader }: Traces): Found {
  return { pid: leader?.pid ?? 0, startedTicks: leader?.startedTicks ?? 0, isMember: true }
}
