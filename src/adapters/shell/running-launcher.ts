/** The launcher as its runner sees it: a small process beside it, what it is asked for, and what it tells. */
import { fork, type ChildProcess } from 'node:child_process'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import type { Report } from './launch-protocol.ts'
import type { ProcessIdentity } from './process-identity.ts'

export type Exit = { exitCode: number | null; signal: string | null }
export type Started = { pid: number; identity: ProcessIdentity | null; problem: string | null }
/** Found through package.json: from the modules, the bundle and the sources alike. */
const PROGRAM = createRequire(import.meta.url).resolve('#launcher')
/** What it does not have need not be copied: threads that work beside it, room for much garbage, compiled code. */
const SMALL = ['--v8-pool-size=1', '--max-semi-space-size=1', '--no-opt', '--no-sparkplug']
const LOST = 'its launcher has ended'
/** A launcher that has not answered for so long never will, e.g. in a directory of a server that is gone. It is replaced. */
export const ANSWER_MS_MAX = 30_000

/** What is waited for of one launch. */
type Waiting = { started: (outcome: Started | { error: string }) => void; exited: (exit: Exit | null) => void }
/** The running process, or why there is none; and how it ended, null when its launcher did, so that nobody can tell. */
type Outcome = { started: Promise<Started | { error: string }>; exited: Promise<Exit | null> }
/** `socket`: where it takes connections, or why it never will. */
export type Running = {
  child: ChildProcess
  socket: Promise<string | Error>
  waiting: Map<string, Waiting>
  isRetired: boolean
}

export function begin(onEnd: (child: ChildProcess) => void): Running {
  const waiting = new Map<string, Waiting>()
  const child = fork(PROGRAM, [], {
    // Nothing else of this process's surroundings: not its directory, its variables, its terminal's signals.
    cwd: '/',
    env: { TMPDIR: resolve(tmpdir()) },
    detached: true,
    execArgv: SMALL,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  child.unref()
  child.channel?.unref()
  const socket = new Promise<string | Error>((settle) => {
    const late = setTimeout(() => child.kill('SIGKILL'), ANSWER_MS_MAX).unref()
    const end = (error: Error) => {
      clearTimeout(late)
      onEnd(child)
      settle(error)
      if (child.connected) child.disconnect()
      for (const { started, exited } of waiting.values()) {
        started({ error: error.message })
        exited(null)
      }
    }
    child.on('error', end)
    child.once('disconnect', () => end(new Error(LOST)))
    child.on('message', (report: Report) => {
      if (report.kind === 'ready') {
        clearTimeout(late)
        return settle(report.socket)
      }
      if (report.kind === 'broken') return end(new Error(report.reason))
      const { started, exited } = waiting.get(report.id) ?? {}
      if (report.kind === 'started') started?.(report)
      else if (report.kind === 'refused') started?.({ error: report.reason })
      else exited?.({ exitCode: report.exitCode, signal: report.signal })
    })
  })
  return { child, socket, waiting, isRetired: false }
}

export function outcomeOf(id: string, waiting: Map<string, Waiting>, onOver: () => void): Outcome {
  const over = () => {
    waiting.delete(id)
    onOver()
  }
  const told: Waiting = { started: () => undefined, exited: () => undefined }
  const started = new Promise<Started | { error: string }>((resolve) => {
    told.started = (outcome) => {
      // What goes wrong with its streams later is theirs.
      told.started = () => undefined
      resolve(outcome)
      if ('error' in outcome) over()
    }
  })
  const exited = new Promise<Exit | null>((resolve) => {
    told.exited = (exit) => {
      resolve(exit)
      over()
    }
  })
  waiting.set(id, told)
  return { started, exited }
}
