/**
 * A program of its own: starts `sh -c` for a runner, each time in a process group of its own. A runner is large and busy.
 * A fork would stop it for as long as the system takes to copy its page tables, and have every page copied that it writes
 * to afterwards; so it leaves that to this small process, as Erlang's virtual machine does (`erl_child_setup`).
 *
 * Output does not come by here: the runner connects twice for each process, and these connections become its streams.
 * When the runner is gone this program ends, and leaves alone what it has started.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { messageOf } from '../../runtime/errors.ts'
import { greetingOf, type Order, type Report } from './launch-protocol.ts'
import { identify, type ProcessIdentity } from './process-identity.ts'

const SHELL = '/bin/sh'
/** A socket's path may have about a hundred bytes. */
const BASE_LENGTH_MAX = 64
/** Connections that may wait, two for each process that is asked for while another is being started. */
const BACKLOG = 4_096

/** What has come for a launch: it begins when all is there. */
type What = NonNullable<Order['what']>
type Gathered = { what?: What; stdout?: Socket; stderr?: Socket }
const gathered = new Map<string, Gathered>()

const runner = process.ppid
process.title = 'swarmtrail launcher'
// It ends with its runner and not before, also when a whole group or service is told to end: the runner may want to wait.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
process.once('disconnect', () => process.exit(0))
// The runner may have gone while this program was being loaded, when nobody listened yet.
if (!process.connected) process.exit(0)
process.once('uncaughtException', (error) => {
  tell({ kind: 'broken', reason: messageOf(error) })
  process.disconnect()
})
process.on('message', ({ id, what }: Order) => (what === undefined ? forget(id) : gather(id, { what })))
// Only for its user: whoever may connect may not be somebody else.
const directory = mkdtempSync(join(tmpdir().length > BASE_LENGTH_MAX ? '/tmp' : tmpdir(), 'swarmtrail-'))
process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
const socket = join(directory, 'launcher')
const server = createServer(greeted)
server.on('error', (error) => {
  // A connection that can't be taken, for want of descriptors, is one that its runner sees fail.
  if (!server.listening) throw error
})
server.listen({ path: socket, backlog: BACKLOG }, () => tell({ kind: 'ready', socket }))

function greeted(connection: Socket): void {
  // One that breaks is one that the runner has given up.
  connection.on('error', () => connection.destroy())
  connection.once('data', (text: Buffer) => {
    connection.pause()
    const greeting = greetingOf(text.toString())
    if (greeting === null) {
      connection.destroy()
      return
    }
    connection.once('close', () => gathered.delete(greeting.id))
    gather(greeting.id, { [greeting.stream]: connection })
  })
}

function gather(id: string, part: Gathered): void {
  const all = { ...gathered.get(id), ...part }
  gathered.set(id, all)
  const { what, stdout, stderr } = all
  if (what !== undefined && stdout !== undefined && stderr !== undefined) launch(id, what, stdout, stderr)
}

function forget(id: string): void {
  const { stdout, stderr } = gathered.get(id) ?? {}
  gathered.delete(id)
  stdout?.destroy()
  stderr?.destroy()
}

function launch(id: string, { command, cwd, env }: What, stdout: Socket, stderr: Socket): void {
  gathered.delete(id)
  // What a runner ordered that is gone since may be another's by now. That it is gone shows here before its channel ends.
  if (process.ppid !== runner) process.exit(0)
  try {
    // `detached`: a group of its own, which the runner ends as a whole.
    const child = spawn(SHELL, ['-c', command], { cwd, env, detached: true, stdio: ['ignore', stdout, stderr] })
    child.once('error', (error) => tell({ kind: 'refused', id, reason: messageOf(error) }))
    if (child.pid === undefined) return
    child.once('exit', (exitCode, signal) => tell({ kind: 'exited', id, exitCode, signal }))
    tell({ kind: 'started', id, pid: child.pid, ...identified(child.pid) })
  } catch (error) {
    tell({ kind: 'refused', id, reason: messageOf(error) })
  } finally {
    stdout.destroy()
    stderr.destroy()
  }
}

/** At once, as a process that has ended keeps its pid only until its end was taken notice of. */
function identified(pid: number): { identity: ProcessIdentity | null; problem: string | null } {
  try {
    return { identity: identify(pid), problem: null }
  } catch (error) {
    return { identity: null, problem: messageOf(error) }
  }
}

function tell(report: Report): void {
  // Whom it can't be told to is gone, and `disconnect` ends this program.
  if (process.connected) process.send?.(report, undefined, undefined, () => undefined)
}
