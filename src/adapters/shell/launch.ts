/** Starts `sh -c` in a process group of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { messageOf } from '../../runtime/errors.ts'
import type { ShellRun } from '../../runtime/ports.ts'
import { MARKER_VARIABLE } from './marked-processes.ts'

const SHELL = '/bin/sh'

export type Exit = { exitCode: number | null; signal: string | null }
export type Launched = {
  pid: number
  stdout: Readable
  stderr: Readable
  /** The process itself is gone; others may still hold its pipes. */
  exited: Promise<Exit>
}

/** The running process, or why there is none. Node's own `spawn`: this is on the path of every turn. */
export async function launch({ command, cwd, env, marker }: ShellRun): Promise<Launched | { error: string }> {
  try {
    const child = spawn(SHELL, ['-c', command], {
      cwd,
      env: { ...env, [MARKER_VARIABLE]: marker },
      // A group of its own, which we end as a whole.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const { pid, stdout, stderr } = child
    if (pid === undefined) return { error: whyNot(cwd, await causeOf(child)) }
    const exited = new Promise<Exit>((resolve) => {
      child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }))
    })
    return { pid, stdout, stderr, exited }
  } catch (error) {
    return { error: whyNot(cwd, messageOf(error)) }
  }
}

async function causeOf(child: ChildProcess): Promise<string> {
  const [error]: unknown[] = await once(child, 'error')
  return messageOf(error)
}

/** The system answers ENOENT for a missing directory and a missing program alike. */
function whyNot(cwd: string, message: string): string {
  try {
    const directory = statSync(cwd, { throwIfNoEntry: false })
    if (directory === undefined) return `the working directory ${cwd} is not there`
    if (!directory.isDirectory()) return `the working directory ${cwd} is not a directory`
    if (statSync(SHELL, { throwIfNoEntry: false }) === undefined) return `${SHELL} is not there`
    return `${SHELL} could not be started in ${cwd}: ${message}`
  } catch (error) {
    return `the working directory ${cwd} can't be used: ${messageOf(error)}`
  }
}
