/** Starts and stops the nats-server process of one directory. Call only while holding the directory's lock. */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, openSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { connect, createServer, type AddressInfo } from 'node:net'
import { basename, join } from 'node:path'
import { SwarmError } from '../../runtime/errors.ts'
import {
  type EmbeddedPaths,
  readJson,
  type ServerInfo,
  type ServerSettings,
  SERVER_INFO,
  SERVER_SETTINGS,
  writePrivate,
} from './embedded-directory.ts'
import { beginGeneration, serverNameIn, settleGeneration } from './embedded-generation.ts'
import { endProcess, isAlive, type ProcessIdentity, pause, processesWith, startTimeOf } from './embedded-processes.ts'
import type { ServerBinary } from './server-binary.ts'

/** An event has at most 1 MiB; the rest is for headers. */
const payloadMaxBytes = 2 * 1024 * 1024
/** A big store takes seconds to recover. */
const readyMs = 60_000
const readyPollMs = 10
const greetingMs = 1000
const stopTermMs = 5000
const portAttempts = 3
/** A log longer than this is begun anew at the next start. */
const logMaxBytes = 4 * 1024 * 1024

/** The directory's server when it runs; reads only, needs no lock. */
export async function runningServer(paths: EmbeddedPaths): Promise<ServerInfo | null> {
  const info = await readJson(paths.info, SERVER_INFO)
  return info !== null && isAlive({ pid: info.pid, startedAt: info.started_at }) ? info : null
}

/** Starts a server, on the port and with the credentials of the last one. Throws `log_unreachable` with its last words. */
export async function startServer(paths: EmbeddedPaths, binary: ServerBinary): Promise<ServerInfo> {
  // nats-server doesn't lock its store, and two that write to one lose what was acknowledged.
  await stopServer(paths)
  let settings = (await readJson(paths.settings, SERVER_SETTINGS)) ?? (await newSettings())
  for (let attempt = 1; ; attempt++) {
    const launched = await launch(paths, binary, settings)
    if (launched !== null) {
      await writePrivate(paths.settings, JSON.stringify(settings))
      await writePrivate(paths.info, `${JSON.stringify(infoOf(settings, launched, binary), null, 2)}\n`)
      return infoOf(settings, launched, binary)
    }
    const reason = await lastLine(paths.log)
    if (attempt === portAttempts || !/address already in use/.test(reason))
      throw new SwarmError('log_unreachable', `nats-server did not start in ${paths.dir}: ${reason}`)
    settings = { ...settings, port: await freePort() }
  }
}

/** Ends the directory's server, whatever server.json says; false when none ran. */
export async function stopServer(paths: EmbeddedPaths): Promise<boolean> {
  const servers = await serversOf(paths)
  const inOrder = await Promise.all(servers.map((server) => endProcess(server, stopTermMs)))
  // What several have written to one store is settled by none of them.
  if (inOrder.length === 1 && inOrder[0] === true) await settleGeneration(paths)
  await rm(paths.info, { force: true })
  return servers.length > 0
}

/**
 * All processes that serve the directory's store: the one that server.json names, and whoever was started as this
 * directory's server, which the system knows even when the directory's files are gone.
 */
export async function serversOf(paths: EmbeddedPaths): Promise<ProcessIdentity[]> {
  const info = await runningServer(paths)
  const started = processesWith(argumentsOf(paths))
  if (info === null || started.some(({ pid }) => pid === info.pid)) return started
  return [{ pid: info.pid, startedAt: info.started_at }, ...started]
}

/** They tell one directory's server from another's, by whatever path the directory was reached. */
function argumentsOf({ dir, config }: EmbeddedPaths): string[] {
  return ['-c', join(realpathSync(dir), basename(config))]
}

function infoOf(settings: ServerSettings, { pid, startedAt }: ProcessIdentity, { version }: ServerBinary): ServerInfo {
  const { user, password, port } = settings
  return { url: `nats://127.0.0.1:${port}`, user, password, pid, version, started_at: startedAt }
}

async function newSettings(): Promise<ServerSettings> {
  return { user: 'swarmtrail', password: randomBytes(24).toString('hex'), port: await freePort() }
}

/** Null when it ended before it was ready. */
async function launch(
  paths: EmbeddedPaths,
  binary: ServerBinary,
  settings: ServerSettings,
): Promise<ProcessIdentity | null> {
  const name = serverNameIn(await beginGeneration(paths))
  await writePrivate(paths.config, configuration(paths, settings, name))
  const identity = spawnServer(paths, binary)
  if (identity === null) return null
  const giveUpAt = performance.now() + readyMs
  while (isAlive(identity)) {
    if (await greets(settings.port, name)) return identity
    if (performance.now() > giveUpAt) await endProcess(identity, stopTermMs)
    await pause(readyPollMs)
  }
  return null
}

/** nats-server's configuration language has JSON in it, so nothing needs quoting of its own. */
function configuration(paths: EmbeddedPaths, { user, password, port }: ServerSettings, name: string): string {
  const config = {
    server_name: name,
    host: '127.0.0.1',
    port,
    max_payload: payloadMaxBytes,
    authorization: { user, password },
    // An acknowledged event is on disk.
    jetstream: { store_dir: paths.store, sync_interval: 'always' },
  }
  return `${JSON.stringify(config, null, 2)}\n`
}

/** In a session of its own, so that a terminal's Ctrl-C doesn't end it before the commands that use it. */
function spawnServer(paths: EmbeddedPaths, binary: ServerBinary): ProcessIdentity | null {
  const log = openSync(paths.log, logIsLong(paths.log) ? 'w' : 'a', 0o600)
  try {
    const child = spawn(binary.path, argumentsOf(paths), {
      cwd: paths.dir,
      detached: true,
      stdio: ['ignore', log, log],
    })
    child.on('error', (error) => writeFileSync(paths.log, `${error.message}\n`, { flag: 'a' }))
    child.unref()
    if (child.pid === undefined) return null
    return { pid: child.pid, startedAt: startTimeOf(child.pid) ?? '' }
  } finally {
    closeSync(log)
  }
}

function logIsLong(path: string): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > logMaxBytes
}

/** Whether the server of that name answers on the port: another program may have it. */
function greets(port: number, name: string): Promise<boolean> {
  return new Promise((resolve) => {
    let greeting = ''
    const socket = connect({ port, host: '127.0.0.1', timeout: greetingMs })
    const end = () => {
      socket.destroy()
      resolve(greeting.includes(name))
    }
    socket.on('data', (chunk) => {
      greeting += chunk.toString()
      if (greeting.includes('\r\n')) end()
    })
    for (const over of ['error', 'timeout', 'close']) socket.on(over, end)
  })
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function lastLine(path: string): Promise<string> {
  const lines = (await readFile(path, 'utf8')).trim().split('\n')
  return lines.at(-1)?.replace(/^\[\d+\] [\d/]+ [\d:.]+ /, '') || 'it said nothing'
}
