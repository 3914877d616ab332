import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { networkInterfaces, tmpdir } from 'node:os'
import { connect as connectSocket } from 'node:net'
import { join } from 'node:path'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { execa } from 'execa'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { withLock } from '../../src/adapters/nats/embedded-lock.ts'
import { startTimeOf } from '../../src/adapters/nats/embedded-processes.ts'
import {
  acquireEmbeddedServer,
  type EmbeddedServer,
  inspectEmbeddedServer,
  keepEmbeddedServer,
  stopEmbeddedServer,
} from '../../src/adapters/nats/embedded-server.ts'
import { compileEmbeddedUser, type EmbeddedCommand } from '../support/embedded-commands.ts'

const waitMs = 10_000

let compiled: string
let runUser: (dir: string) => EmbeddedCommand
beforeAll(async () => {
  compiled = await mkdtemp(join(tmpdir(), 'embedded-user-'))
  runUser = await compileEmbeddedUser(compiled)
})
afterAll(() => rm(compiled, { recursive: true, force: true }))

let base: string
let dir: string
const held: EmbeddedServer[] = []
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'embedded-'))
  dir = join(base, '.swarmtrail')
})
afterEach(async () => {
  for (const server of held.splice(0)) await server.release()
  await stopEmbeddedServer(dir)
  await rm(base, { recursive: true, force: true })
})

async function acquire(at = dir, onProgress?: (line: string) => void): Promise<EmbeddedServer> {
  const server = await acquireEmbeddedServer({ dir: at, onProgress })
  held.push(server)
  return server
}

const isRunning = (pid: number) => startTimeOf(pid) !== null
const login = ({ url, user, password }: { url: string; user: string; password: string }) =>
  connect({ servers: url, user, pass: password })

describe('sharing one server', () => {
  it('six commands that start at once use the same one, and the last one out stops it', async () => {
    const commands = Array.from({ length: 6 }, () => runUser(dir))
    const pids = new Set((await Promise.all(commands.map((command) => command.ready))).map(({ pid }) => pid))
    expect(pids.size).toBe(1)
    const [pid] = [...pids] as [number]
    const [last, ...others] = commands as [EmbeddedCommand, ...EmbeddedCommand[]]
    await Promise.all(others.map((command) => command.finish()))
    expect(isRunning(pid)).toBe(true)
    await last.finish()
    expect(isRunning(pid)).toBe(false)
    expect(await inspectEmbeddedServer(dir)).toBeNull()
    expect(await readdir(join(dir, 'users'))).toEqual([])
  })

  it('a killed command does not count, and the next one stops what it left', async () => {
    const killed = runUser(dir)
    const { pid } = await killed.ready
    await killed.kill()
    expect(isRunning(pid)).toBe(true)
    const next = await acquire()
    expect(next.pid).toBe(pid)
    await next.release()
    expect(isRunning(pid)).toBe(false)
  })

  it('a command killed while it starts the server leaves nothing that stands in the way', async () => {
    for (let round = 0; round < 3; round++) {
      const killed = runUser(dir)
      const locked = async () => existsSync(join(dir, 'lock')) && (await readdir(join(dir, 'lock'))).length > round
      await vi.waitUntil(locked, { timeout: waitMs, interval: 1 })
      await killed.kill()
    }
    const server = await acquire()
    await (await login(server)).close()
    await server.release()
    expect(isRunning(server.pid)).toBe(false)
  })

  it('uses in one process count one by one; releasing twice counts once', async () => {
    const [first, second] = [await acquire(), await acquire()]
    await first.release()
    await first.release()
    expect(isRunning(second.pid)).toBe(true)
    await second.release()
    expect(isRunning(second.pid)).toBe(false)
  })

  it('up keeps it running until down', async () => {
    const { pid } = await keepEmbeddedServer(dir)
    await (await acquire()).release()
    expect((await inspectEmbeddedServer(dir))?.pid).toBe(pid)
    expect(await stopEmbeddedServer(dir)).toBe(true)
    expect(isRunning(pid)).toBe(false)
    expect(await stopEmbeddedServer(dir)).toBe(false)
  })

  it('down leaves it to the commands that still use it', async () => {
    await keepEmbeddedServer(dir)
    const server = await acquire()
    expect(await stopEmbeddedServer(dir)).toBe(true)
    expect(isRunning(server.pid)).toBe(true)
    await server.release()
    expect(isRunning(server.pid)).toBe(false)
  })
})

describe('the lock', () => {
  it('lets one in at a time, and a dead owner stands in nobody’s way', async () => {
    const lock = join(base, 'lock')
    await mkdir(lock)
    await writeFile(join(lock, '7'), JSON.stringify({ pid: process.pid, startedAt: 'before this one' }))
    let inside = 0
    const most: number[] = []
    const work = async () => {
      most.push(++inside)
      await stat(lock)
      inside--
    }
    await Promise.all(Array.from({ length: 20 }, () => withLock(lock, work)))
    expect(most).toEqual(Array.from({ length: 20 }, () => 1))
    await expect(withLock(lock, () => Promise.reject(new Error('its own')))).rejects.toThrow('its own')
    await withLock(lock, work)
    expect((await readdir(lock)).length).toBeLessThan(12)
  })
})

describe('losing the server', () => {
  it('a user restarts it with its data, port and credentials, and connected clients find it again', async () => {
    const server = await acquire()
    const { pid, url } = server
    const nc = await connect({ servers: url, user: server.user, pass: server.password, reconnectTimeWait: 50 })
    await (await jetstreamManager(nc)).streams.add({ name: 'kept', subjects: ['kept'] })
    await jetstream(nc).publish('kept', 'acknowledged')
    process.kill(pid, 'SIGKILL')
    await vi.waitUntil(() => server.pid !== pid, { timeout: waitMs })
    expect(server.url).toBe(url)
    expect(await inspectEmbeddedServer(dir)).toMatchObject({ pid: server.pid, url })
    await vi.waitUntil(
      () =>
        nc.rtt().then(
          () => true,
          () => false,
        ),
      { timeout: waitMs },
    )
    const message = await (await jetstreamManager(nc)).streams.getMessage('kept', { last_by_subj: 'kept' })
    expect(message?.string()).toBe('acknowledged')
    await nc.close()
  })

  it('the next command finds the same port and credentials again', async () => {
    const first = await acquire()
    const { url, password } = first
    await first.release()
    expect(await acquire()).toMatchObject({ url, password })
  })

  it('a broken server.json costs a restart, not a second server on the same store', async () => {
    const { pid } = await keepEmbeddedServer(dir)
    await writeFile(join(dir, 'server.json'), '{"url": "nats://12')
    const server = await acquire()
    expect(isRunning(pid)).toBe(false)
    expect(server.pid).not.toBe(pid)
    await (await login(server)).close()
  })

  it.each([
    ['lost', (file: string) => rm(file, { force: true })],
    ['unreadable', (file: string) => writeFile(file, '{"pid": 1, "url": "nats://12')],
  ])('files that are %s cost a restart, and all users go on with the one server and its data', async (_, damage) => {
    const first = await acquire()
    const { pid } = first
    const before = await login(first)
    await (await jetstreamManager(before)).streams.add({ name: 'kept', subjects: ['kept'] })
    await jetstream(before).publish('kept', 'acknowledged')
    await before.close()
    for (const file of ['server.json', 'server-settings.json', 'nats.conf', 'generation.json'])
      await damage(join(dir, file))
    const second = await acquire()
    expect(isRunning(pid)).toBe(false)
    await vi.waitUntil(() => first.pid === second.pid, { timeout: waitMs })
    const after = await login(first)
    const message = await (await jetstreamManager(after)).streams.getMessage('kept', { last_by_subj: 'kept' })
    expect(message?.string()).toBe('acknowledged')
    await after.close()
  })

  it('down ends a server that no file tells of, by whatever path the directory is reached', async () => {
    await keepEmbeddedServer(dir)
    const { pid } = (await inspectEmbeddedServer(dir)) ?? { pid: 0 }
    await rm(join(dir, 'server.json'), { force: true })
    await symlink(base, join(base, 'link'))
    expect(await stopEmbeddedServer(join(base, 'link/.swarmtrail'))).toBe(true)
    expect(isRunning(pid)).toBe(false)
  })

  it('a taken port is exchanged for a free one', async () => {
    const first = await acquire()
    await first.release()
    const other = await acquire(join(base, 'other'))
    const settings = join(dir, 'server-settings.json')
    const stale = { ...(JSON.parse(await readFile(settings, 'utf8')) as object), port: Number(new URL(other.url).port) }
    await writeFile(settings, JSON.stringify(stale))
    const server = await acquire()
    expect(server.url).not.toBe(other.url)
    await (await login(server)).close()
  })
})

describe('the directory', () => {
  it('may have spaces, quotes and non-ASCII letters in its path', async () => {
    const server = await acquire(join(base, `a "b" 'c' $d \\e {größe} 日本`, '.swarmtrail'))
    const nc = await login(server)
    await (await jetstreamManager(nc)).streams.add({ name: 'odd', subjects: ['odd'] })
    await nc.close()
    expect(await readdir(join(base, `a "b" 'c' $d \\e {größe} 日本`, '.swarmtrail/nats/jetstream'))).not.toEqual([])
  })

  it('is private, kept out of git, and server.json tells how to join', async () => {
    const server = await acquire()
    const mode = async (name: string) => ((await stat(join(dir, name))).mode & 0o777).toString(8)
    expect(await mode('.')).toBe('700')
    for (const name of ['server.json', 'server-settings.json', 'nats.conf', 'nats.log'])
      expect(await mode(name)).toBe('600')
    for (const name of ['nats', 'users', 'lock']) expect(await mode(name)).toBe('700')
    expect(await readFile(join(dir, '.gitignore'), 'utf8')).toBe('*\n')
    const info = JSON.parse(await readFile(join(dir, 'server.json'), 'utf8')) as EmbeddedServer
    const { url, user, password, pid, version } = server
    expect(info).toMatchObject({ url, user, password, pid, version })
    await (await login(info)).close()
    const { stdout: commandLine } = await execa('ps', ['-o', 'args=', '-p', String(pid)])
    expect(commandLine).toContain('nats.conf')
    expect(commandLine).not.toContain(password)
  })

  it('keeps its mode when it is the user’s own under another name', async () => {
    const own = join(base, 'own')
    await mkdir(own)
    await chmod(own, 0o755)
    await acquire(own)
    expect((await stat(own)).mode & 0o777).toBe(0o755)
    expect(existsSync(join(own, '.gitignore'))).toBe(false)
  })

  it('that can’t hold a store is a clear error with the server’s last words', async () => {
    await mkdir(join(dir, 'nats'), { recursive: true })
    await writeFile(join(dir, 'nats/jetstream'), 'a file where the server wants a directory')
    await expect(acquireEmbeddedServer({ dir })).rejects.toMatchObject({
      code: 'log_unreachable',
      message: expect.stringMatching(/did not start in .*: .*jetstream/i),
    })
    expect(await inspectEmbeddedServer(dir)).toBeNull()
  })

  it.each(['server.json', 'server-settings.json', 'generation.json', 'nats.conf', 'nats.log'])(
    'with a directory in the place of %s is a clear error, in acquiring, stopping and looking',
    async (name) => {
      const other = join(base, 'other')
      await mkdir(join(other, name), { recursive: true })
      await mkdir(join(other, 'lock'))
      const fault = {
        code: 'log_unreachable',
        message: expect.stringContaining(`${join(other, name)} is a directory`) as string,
      }
      for (const use of [acquire, stopEmbeddedServer, inspectEmbeddedServer])
        await expect(use(other)).rejects.toMatchObject(fault)
    },
  )

  it('that can’t be made is a clear error', async () => {
    await writeFile(join(base, 'file'), '')
    const acquired = acquireEmbeddedServer({ dir: join(base, 'file/.swarmtrail') })
    await expect(acquired).rejects.toMatchObject({ code: 'log_unreachable' })
  })
})

describe('who gets in', () => {
  it('nobody without the credentials', async () => {
    const { url, user } = await acquire()
    await expect(connect({ servers: url })).rejects.toThrow(/authorization/i)
    await expect(connect({ servers: url, user, pass: 'guess' })).rejects.toThrow(/authorization/i)
  })

  it('nobody from another machine: it listens on loopback only', async () => {
    const port = Number(new URL((await acquire()).url).port)
    const addresses = Object.values(networkInterfaces()).flatMap((entries) => entries ?? [])
    for (const { address } of addresses.filter(({ internal, family }) => !internal && family === 'IPv4')) {
      const refused = await new Promise((resolve) => {
        const socket = connectSocket({ host: address, port }, () => resolve('connected')).on('error', resolve)
        socket.on('close', () => socket.destroy())
      })
      expect(refused).toMatchObject({ code: 'ECONNREFUSED' })
    }
  })
})
