/** A nats-server by a configuration of one's own, and three of them as a cluster; each can be killed and comes back. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { resolveServerBinary } from '../../src/adapters/nats/server-binary.ts'
import { freePort } from './nats-server.ts'
import { until } from './until.ts'

const startMs = 20_000

export type ConfiguredServer = {
  port: number
  /** `nats://127.0.0.1:port`, with credentials when given. */
  url: (user?: string, password?: string) => string
  directory: string
  kill: () => Promise<void>
  restart: () => Promise<void>
  stop: () => Promise<void>
}

export type ServerSetup = {
  /** The whole configuration, made anew for each start, given a port to listen on and a directory that is the server's own. */
  config: (port: number, directory: string) => string | Promise<string>
  env?: Record<string, string>
  port?: number
  /** A command that the server is run by, e.g. one that limits it. */
  wrapper?: readonly string[]
}

export async function startConfiguredServer(setup: ServerSetup): Promise<ConfiguredServer> {
  const { path } = await resolveServerBinary()
  const directory = await mkdtemp(join(tmpdir(), 'swarmtrail-server-'))
  const port = setup.port ?? (await freePort())
  const file = join(directory, 'nats.conf')
  const launch = async () => {
    await writeFile(file, await setup.config(port, directory))
    const [program = path, ...args] = [...(setup.wrapper ?? []), path, '-c', file] as string[]
    const child = spawn(program, args, { env: { ...process.env, ...setup.env }, stdio: ['ignore', 'ignore', 'pipe'] })
    await ready(child, port)
    return child
  }
  let child = await launch()
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  return {
    port,
    directory,
    url: (user, password) =>
      user === undefined ? `nats://127.0.0.1:${port}` : `nats://${user}:${password}@127.0.0.1:${port}`,
    kill,
    restart: async () => void (child = await launch()),
    stop: async () => {
      await kill()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function ready(child: ChildProcess, port: number): Promise<void> {
  let log = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (log = (log + text).slice(-4096)))
  const listens = async () => {
    if (child.exitCode !== null) throw new Error(`nats-server ended with ${child.exitCode}: ${log}`)
    return answers(port)
  }
  await until('the server is ready', listens, startMs)
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

export const CLUSTER_USER = { user: 'test', password: 'cluster-password' }

/** Three servers that form one cluster on loopback. */
export async function startCluster(): Promise<{ servers: ConfiguredServer[]; url: string; stop: () => Promise<void> }> {
  const routePorts = [await freePort(), await freePort(), await freePort()]
  const routes = routePorts.map((port) => `"nats://127.0.0.1:${port}"`).join(', ')
  const config = (n: number) => (port: number, directory: string) =>
    `
    server_name: n${n}
    listen: "127.0.0.1:${port}"
    jetstream { store_dir: ${JSON.stringify(join(directory, 'store'))}, sync_interval: always }
    cluster { name: test, listen: "127.0.0.1:${routePorts[n]}", routes: [${routes}] }
    authorization { user: ${CLUSTER_USER.user}, password: "${CLUSTER_USER.password}" }`
  const servers = await Promise.all(routePorts.map((_, n) => startConfiguredServer({ config: config(n) })))
  const { user, password } = CLUSTER_USER
  return {
    servers,
    url: servers.map((server) => server.url(user, password)).join(','),
    stop: async () => void (await Promise.all(servers.map((server) => server.stop()))),
  }
}
