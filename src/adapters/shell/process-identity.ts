/**
 * Who a process is. Pids are used again, so a process is known by its pid together with its start time; on Linux that
 * is the boot id and the start in clock ticks since boot, elsewhere what `ps` says.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { isErrno } from './errno.ts'

export const HAS_PROC = process.platform === 'linux'

export type ProcessStat = {
  pid: number
  /** Exited, and only kept until its parent asks for its status. */
  isZombie: boolean
  isKernelThread: boolean
  groupId: number
  sessionId: number
  startedTicks: number
}

const PF_KTHREAD = 0x0020_0000
const PS_TIMEOUT_MS = 5_000

/** Null when there is no such process. Linux only. */
export function readStat(pid: number): ProcessStat | null {
  const text = readProc(`/proc/${pid}/stat`)
  if (text === null) return null
  // The second field is the program's name, which may hold blanks and brackets: what follows its last bracket is plain.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return {
    pid,
    isZombie: fields[0] === 'Z' || fields[0] === 'X',
    isKernelThread: (Number(fields[6]) & PF_KTHREAD) !== 0,
    groupId: Number(fields[2]),
    sessionId: Number(fields[3]),
    startedTicks: Number(fields[19]),
  }
}

export type ProcessIdentity = { pid: number; startedAt: string; startedTicks: number }

/** Null when there is no such process. The start in ticks is only known on Linux, elsewhere 0. */
export function identify(pid: number): ProcessIdentity | null {
  const startedTicks = HAS_PROC ? readStat(pid)?.startedTicks : 0
  if (startedTicks === undefined) return null
  const startedAt = HAS_PROC ? `${bootId()}:${startedTicks}` : askPs(pid)
  return startedAt === null ? null : { pid, startedAt, startedTicks }
}

/** Start time of a process in a form that only serves to be compared; null when there is no such process. */
export function processStartedAt(pid: number): string | null {
  return identify(pid)?.startedAt ?? null
}

/** Text of a file in /proc; null when the process is gone or may not be looked at. */
export function readProc(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ESRCH', 'EACCES', 'EPERM')) return null
    throw error
  }
}

let knownBootId: string | undefined
function bootId(): string {
  knownBootId ??= (readProc('/proc/sys/kernel/random/boot_id') ?? '').trim()
  return knownBootId
}

function askPs(pid: number): string | null {
  const env = { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' }
  try {
    const out = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      env,
      timeout: PS_TIMEOUT_MS,
    })
    return out.trim() || null
  } catch (error) {
    // `ps` exits with 1 when it knows no such process.
    if (error instanceof Error && 'status' in error && error.status === 1) return null
    throw error
  }
}
