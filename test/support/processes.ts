/** Looks at the processes of this machine from outside, to see what a run left behind. */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { ShellRun } from '../../src/runtime/ports.ts'

const WAIT_MS_MAX = 10_000
const POLL_MS = 5

/** Pids of living processes whose environment holds `name=value`. Linux. */
export function pidsWith(name: string, value: string): number[] {
  return pidsWhere((environment) => environment.includes(`${name}=${value}`))
}

/** Pids of living processes of sessions whose workspaces lie below a directory, whatever others run on this machine. */
export function pidsOfWorkspacesIn(directory: string): number[] {
  return pidsWhere((environment) =>
    environment.some((entry) => entry.startsWith(`ACE_RUNTIME_WORKSPACE_PATH=${directory}/`)),
  )
}

function pidsWhere(matches: (environment: readonly string[]) => boolean): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => matches(procFile(pid, 'environ').split('\0')))
    .map(Number)
    .filter(isAlive)
}

/** Pids of living processes started with this marker. */
export function markedPids(marker: string): number[] {
  return pidsWith('SWARMTRAIL_MARKER', marker)
}

/** Neither gone nor waiting for its parent as a zombie. */
export function isAlive(pid: number): boolean {
  return !['', 'Z', 'X'].includes(statFields(pid)[0] ?? '')
}

/** Id of the process group that a process is in. */
export function groupOf(pid: number): number {
  return Number(statFields(pid)[2])
}

/** Pid of the process that started it, or took it over. */
export function parentOf(pid: number): number {
  return Number(statFields(pid)[1])
}

/** Fields of the process's state after its name. */
function statFields(pid: number): string[] {
  const stat = procFile(String(pid), 'stat')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

function procFile(pid: string, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES') return ''
    throw error
  }
}

/** Waits until the condition gives a value that is not false, null or undefined; throws after ten seconds. */
export async function eventually<T>(what: string, condition: () => T | false | null | undefined): Promise<T> {
  const untilMs = performance.now() + WAIT_MS_MAX
  for (;;) {
    const value = condition()
    if (value !== false && value !== null && value !== undefined) return value
    if (performance.now() > untilMs) throw new Error(`waited in vain until ${what}`)
    await pause(POLL_MS)
  }
}

/** A new directory, and how to remove it. */
export function temporaryDirectory(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'swarmtrail-test-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** A run with a marker of its own and generous limits. */
export function shellRun(command: string, options: Partial<ShellRun> = {}): ShellRun {
  return {
    command,
    cwd: tmpdir(),
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' },
    marker: randomUUID(),
    timeoutMs: 20_000,
    secrets: {},
    signal: new AbortController().signal,
    ...options,
  }
}
