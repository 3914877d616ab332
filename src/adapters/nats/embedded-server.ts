/**
 * The nats-server of one directory, shared by the commands that run there: the first one in starts it, the last living
 * one out stops it, and a killed command doesn't count. A real nats-server on loopback with generated credentials.
 */
import { existsSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import {
  countUsers,
  type EmbeddedPaths,
  pathsOf,
  prepareDirectory,
  refuseDirectories,
  registerUser,
  type ServerInfo,
} from './embedded-directory.ts'
import { runningServer, serversOf, startServer, stopServer } from './embedded-launch.ts'
import { withLock } from './embedded-lock.ts'
import { watchServer } from './embedded-watch.ts'

export type { ServerInfo }

type Progress = ((line: string) => void) | undefined

export type AcquireServer = {
  /** Usually `.swarmtrail` of the working directory. Made when missing. */
  dir: string
  /** Told one line when a server is fetched, or was lost and started again. */
  onProgress?: Progress
}

/** A use of the server. While it lasts, a server that dies is started again, on the same port if that is still free. */
export type EmbeddedServer = Readonly<Pick<ServerInfo, 'url' | 'user' | 'password' | 'pid' | 'version'>> & {
  /** Ends this use; the last one out stops the server. Calling it again does nothing more. */
  release(): Promise<void>
}

/** Throws `log_unreachable` when the server can't start, `server_not_found` or `server_too_old` when there is none. */
export async function acquireEmbeddedServer({ dir, onProgress }: AcquireServer): Promise<EmbeddedServer> {
  const paths = pathsOf(resolve(dir))
  await prepareDirectory(paths)
  let info: ServerInfo
  const ensure = async () => {
    info = await ensureServer(paths, onProgress)
  }
  const registration = await withLock(paths.lock, async () => {
    await ensure()
    return registerUser(paths)
  })
  const unwatch = watchServer({ current: () => info, restart: () => withLock(paths.lock, ensure), onProgress })
  let left: Promise<void> | undefined
  return {
    get url() {
      return info.url
    },
    get user() {
      return info.user
    },
    get password() {
      return info.password
    },
    get pid() {
      return info.pid
    },
    get version() {
      return info.version
    },
    release: () => (left ??= unwatch().then(() => leave(paths, registration))),
  }
}

/** `up`: the server runs until `stopEmbeddedServer`, used or not. Throws as `acquireEmbeddedServer` does. */
export async function keepEmbeddedServer(dir: string, onProgress?: Progress): Promise<ServerInfo> {
  const paths = pathsOf(resolve(dir))
  await prepareDirectory(paths)
  return withLock(paths.lock, async () => {
    const info = await ensureServer(paths, onProgress)
    await writeFile(paths.kept, '', { mode: 0o600 })
    return info
  })
}

/**
 * `down`: undoes `keepEmbeddedServer`. The server stops now, or with the last living command that uses it.
 * Returns whether one was running.
 */
export async function stopEmbeddedServer(dir: string): Promise<boolean> {
  const paths = pathsOf(resolve(dir))
  if (!existsSync(paths.lock)) return false
  await refuseDirectories(paths)
  return withLock(paths.lock, async () => {
    await rm(paths.kept, { force: true })
    return (await countUsers(paths)) > 0 ? (await serversOf(paths)).length > 0 : stopServer(paths)
  })
}

/** What any NATS client needs to join; null when no server runs there. Changes nothing. */
export async function inspectEmbeddedServer(dir: string): Promise<ServerInfo | null> {
  const paths = pathsOf(resolve(dir))
  await refuseDirectories(paths)
  return runningServer(paths)
}

async function ensureServer(paths: EmbeddedPaths, onProgress: Progress): Promise<ServerInfo> {
  const running = await runningServer(paths)
  if (running !== null) return running
  const { resolveServerBinary } = await import('./server-binary.ts')
  return startServer(paths, await resolveServerBinary({ onProgress }))
}

async function leave(paths: EmbeddedPaths, registration: string): Promise<void> {
  await withLock(paths.lock, async () => {
    await rm(registration, { force: true })
    if (!existsSync(paths.kept) && (await countUsers(paths)) === 0) await stopServer(paths)
  })
}
