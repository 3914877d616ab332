/** The files of an embedded server's directory (`.swarmtrail`), all readable by their owner only. */
import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { messageOf, SwarmError } from '../../runtime/errors.ts'
import { isAlive, ownIdentity } from './embedded-processes.ts'
import { type Kind, shaped, type Shaped, text, whole } from './shape.ts'

/** What `server.json` tells any NATS client. The URL has no credentials in it. */
export const SERVER_INFO = {
  url: text,
  user: text,
  password: text,
  pid: whole(1),
  version: text,
  started_at: text,
}
export type ServerInfo = Shaped<typeof SERVER_INFO>

/** What stays the same from one start to the next, so that clients find the server again. */
export const SERVER_SETTINGS = { user: text, password: text, port: whole(1, 65_535) }
export type ServerSettings = Shaped<typeof SERVER_SETTINGS>

export type EmbeddedPaths = ReturnType<typeof pathsOf>

export function pathsOf(dir: string) {
  return {
    dir,
    info: join(dir, 'server.json'),
    settings: join(dir, 'server-settings.json'),
    config: join(dir, 'nats.conf'),
    log: join(dir, 'nats.log'),
    generation: join(dir, 'generation.json'),
    store: join(dir, 'nats'),
    users: join(dir, 'users'),
    lock: join(dir, 'lock'),
    /** Exists between `up` and `down`. */
    kept: join(dir, 'kept'),
  } as const
}

/**
 * Makes the directory. One of another name that the user made keeps its mode and gets no `.gitignore`: it may hold
 * things that aren't ours. Throws `log_unreachable` when it can't be written.
 */
export async function prepareDirectory(paths: EmbeddedPaths): Promise<void> {
  try {
    const created = (await mkdir(paths.dir, { recursive: true, mode: 0o700 })) !== undefined
    if (created || basename(paths.dir) === '.swarmtrail') {
      await chmod(paths.dir, 0o700)
      await writeFile(join(paths.dir, '.gitignore'), '*\n')
    }
    const made = [paths.store, paths.users, paths.lock].map((path) => mkdir(path, { recursive: true, mode: 0o700 }))
    await Promise.all(made)
  } catch (error) {
    throw new SwarmError('log_unreachable', `${paths.dir} can't be used: ${messageOf(error)}`, { cause: error })
  }
  await refuseDirectories(paths)
}

/** Throws `log_unreachable`, naming the first of the directory's files that is a directory itself. */
export async function refuseDirectories(paths: EmbeddedPaths): Promise<void> {
  const files = [paths.info, paths.settings, paths.config, paths.log, paths.generation]
  const found = await Promise.all(files.map(isDirectory))
  const wrong = files.find((_, index) => found[index])
  if (wrong === undefined) return
  const details = { path: wrong, advice: 'move it away; what belongs there is made anew' }
  throw new SwarmError('log_unreachable', `${wrong} is a directory, and the embedded server needs a file there`, {
    details,
  })
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return false
    throw error
  }
}

/** Null when the file is missing or isn't what it should be: all of these files can be made anew. */
export async function readJson<S extends Record<string, Kind<unknown>>>(
  path: string,
  shape: S,
): Promise<Shaped<S> | null> {
  const content = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null
    throw error
  })
  return content === null ? null : shaped(shape, parsed(content))
}

function parsed(content: string): unknown {
  try {
    return JSON.parse(content)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** Whole or not at all, also for readers without the lock. Only the lock's holder writes. */
export async function writePrivate(path: string, content: string): Promise<void> {
  await rm(`${path}.new`, { force: true })
  await writeFile(`${path}.new`, content, { mode: 0o600 })
  await rename(`${path}.new`, path)
}

let registered = 0

/** Registers this process as a user and returns the path that `rm` takes it back by. */
export async function registerUser(paths: EmbeddedPaths): Promise<string> {
  const { pid, startedAt } = ownIdentity()
  const path = join(paths.users, `${pid}-${startedAt}-${++registered}`)
  await writeFile(path, '', { mode: 0o600 })
  return path
}

/** How many living users there are; forgets the dead. */
export async function countUsers(paths: EmbeddedPaths): Promise<number> {
  let living = 0
  for (const name of await readdir(paths.users)) {
    const [pid, startedAt] = name.split('-')
    if (isAlive({ pid: Number(pid), startedAt: startedAt ?? '' })) living++
    else await rm(join(paths.users, name), { force: true })
  }
  return living
}
