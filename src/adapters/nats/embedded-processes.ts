/** Processes by pid and start time, so that a recycled pid is never taken for the process it once was. */
import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

export type ProcessIdentity = { pid: number; startedAt: string }

const endPollMs = 10
const listBytesMax = 64 * 1024 * 1024

/** When the process started, as the system writes it; null when there is none, or only what is left of a dead one. */
export function startTimeOf(pid: number): string | null {
  return process.platform === 'linux' ? fromProc(pid) : fromPs(pid)
}

export function isAlive(identity: ProcessIdentity): boolean {
  return startTimeOf(identity.pid) === identity.startedAt
}

/** The living processes that were started with just these arguments, and for which paths mean what they mean here. */
export function processesWith(args: readonly string[]): ProcessIdentity[] {
  const pids = process.platform === 'linux' ? pidsInProc(args) : pidsInPs(args)
  return pids.flatMap((pid) => {
    const startedAt = startTimeOf(pid)
    return startedAt === null ? [] : { pid, startedAt }
  })
}

export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, startedAt: startTimeOf(process.pid) ?? '' }
}

/** Asks the process to end, forces it after `termMs`, and returns once it is gone: whether it had not to be forced. */
export async function endProcess(identity: ProcessIdentity, termMs: number): Promise<boolean> {
  if (!signal(identity, 'SIGTERM')) return false
  const forcedAt = performance.now() + termMs
  let inOrder = true
  while (isAlive(identity)) {
    if (performance.now() > forcedAt) {
      inOrder = false
      signal(identity, 'SIGKILL')
    }
    await pause(endPollMs)
  }
  return inOrder
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function signal(identity: ProcessIdentity, name: NodeJS.Signals): boolean {
  if (!isAlive(identity)) return false
  try {
    process.kill(identity.pid, name)
    return true
  } catch (error) {
    // It ended between the look and the signal.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
  }
}

function fromProc(pid: number): string | null {
  const stat = readProc(pid, 'stat')
  if (stat === null) return null
  // The program's name is in parentheses and may hold anything, so fields are counted from its end: state, ..., start.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null)
}

function pidsInProc(args: readonly string[]): number[] {
  const ending = `\0${args.join('\0')}\0`
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger)
  return pids.filter((pid) => {
    const line = readProc(pid, 'cmdline') ?? ''
    return line.indexOf('\0') === line.length - ending.length && line.endsWith(ending) && hasOurFiles(pid)
  })
}

/** A container, or whoever else has mounts or a root of its own, may have other files by the same path. */
function hasOurFiles(pid: number): boolean {
  return ['ns/mnt', 'root'].every((name) => {
    const theirs = readProc(pid, name, readlinkSync)
    return theirs !== null && theirs === readProc('self', name, readlinkSync)
  })
}

/** Null when there is no such process, or it is not ours to look at. */
function readProc(
  pid: number | 'self',
  name: string,
  read = (path: string) => readFileSync(path, 'utf8'),
): string | null {
  try {
    return read(`/proc/${pid}/${name}`)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(code ?? '')) return null
    throw error
  }
}

function fromPs(pid: number): string | null {
  const { stdout, status } = spawnSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' })
  const [state, ...started] = (stdout ?? '').trim().split(/\s+/)
  if (status !== 0 || state === undefined || state === '' || state.startsWith('Z')) return null
  return started.join('_').replaceAll(/[^A-Za-z0-9_]/g, '')
}

function pidsInPs(args: readonly string[]): number[] {
  const options = ['-ww', '-U', String(process.getuid?.()), '-o', 'pid=,args=']
  const listed = execFileSync('ps', options, { encoding: 'utf8', maxBuffer: listBytesMax })
  const lines = listed.split('\n').filter((line) => line.endsWith(` ${args.join(' ')}`))
  return lines.map((line) => Number.parseInt(line, 10))
}
