/** The files of an embedded server's directory (`.swarmtrail`), all readable by their owner only. */
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { z } from 'zod'
import { messageOf, SwarmError } from '../../runtime/errors.ts'
import { isAlive, ownIdentity } from './embedded-processes.ts'

/** What `server.json` tells any NATS client. The URL has no credentials in it. */
export const serverInfoSchema = z.object({
  url: z.string(),
  user: z.string(),
  password: z.string(),
  pid: z.int().positive(),
  version: z.string(),
  started_at: z.string(),
})
export type ServerInfo = z.output<typeof serverInfoSchema>

/** What stays the same from one start to the next, so that clients find the server again. */
export const serverSettingsSchema = z.object({
  user: z.string(),
  password: z.string(),
  port: z.int().min(1).max(65_535),
})
export type ServerSettings = z.output<typeof serverSettingsSchema>

export const processSchema = z.object({ pid: z.int().positive(), startedAt: z.string() })

export type EmbeddedPaths = ReturnType<typeof pathsOf>

export function pathsOf(dir: string) {
  return {
    dir,
    info: join(dir, 'server.json'),
    settings: join(dir, 'server-settings.json'),
    config: join(dir, 'nats.conf'),
    process: join(dir, 'nats.pid'),
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
    for (const path of [paths.store, paths.users, paths.lock]) await mkdir(path, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new SwarmError('log_unreachable', `${paths.dir} can't be used: ${messageOf(error)}`, { cause: error })
  }
}

/** Null when the file is missing or isn't what it should be: all of these files can be made anew. */
export async function readJson<T>(path: string, schema: z.ZodType<T>): Promise<T | null> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null
    throw error
  })
  return text === null ? null : (schema.safeParse(parsed(text)).data ?? null)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
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
