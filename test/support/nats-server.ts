/** A real nats-server of one's own for a test: loopback, random port, random credentials, a store that can be killed. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { resolveServerBinary } from '../../src/adapters/nats/server-binary.ts'
import { until } from './until.ts'

const startMs = 10_000

export type TestServer = {
  /** With the credentials in it. */
  url: string
  /** Without credentials. */
  address: string
  port: number
  user: string
  password: string
  /** Where it keeps its streams. */
  store: string
  /** SIGKILL, as a crash would end it. */
  kill: () => Promise<void>
  /** On the same port and store, after a kill. */
  restart: () => Promise<void>
  /** Ends the server and removes its store. */
  stop: () => Promise<void>
}

/** `config`: further lines of the configuration; they may define accounts and users of their own instead of the default one. */
export async function startTestServer(
  options: { config?: (user: string, password: string) => string } = {},
): Promise<TestServer> {
  const { path } = await resolveServerBinary()
  const directory = await mkdtemp(join(tmpdir(), 'swarmtrail-nats-'))
  const user = 'test'
  const password = randomBytes(12).toString('hex')
  const port = await freePort()
  const users = options.config?.(user, password) ?? `authorization { user: ${user}, password: "${password}" }`
  const lines = [
    `listen: 127.0.0.1:${port}`,
    `jetstream { store_dir: ${JSON.stringify(join(directory, 'store'))}, sync_interval: always }`,
    users,
  ]
  const configPath = join(directory, 'nats.conf')
  await writeFile(configPath, `${lines.join('\n')}\n`)
  let child = await launch(path, configPath, port)
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  return {
    url: `nats://${user}:${password}@127.0.0.1:${port}`,
    address: `nats://127.0.0.1:${port}`,
    port,
    user,
    password,
    store: join(directory, 'store'),
    kill,
    async restart() {
      child = await launch(path, configPath, port)
    },
    async stop() {
      await kill()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function launch(path: string, configPath: string, port: number): Promise<ChildProcess> {
  const child = spawn(path, ['-c', configPath], { stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (log = (log + text).slice(-4096)))
  await until(
    'the server is ready',
    async () => {
      if (child.exitCode !== null) throw new Error(`nats-server ended with ${child.exitCode}: ${log}`)
      return answers(port)
    },
    startMs,
  )
  return child
}

/** Whether something accepts connections there. The server does so only once its streams are loaded. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
