/** Composition root of the client: a swarm on a NATS server or cluster, or on the embedded server of a directory. */
import { join, resolve } from 'node:path'
import { natsArtifactStore } from './adapters/nats/artifact-store.ts'
import { connectNats, type NatsLink } from './adapters/nats/connection.ts'
import { acquireEmbeddedServer } from './adapters/nats/embedded-server.ts'
import { ensureLogStream, natsEventLog } from './adapters/nats/event-log.ts'
import { natsLeaseStore } from './adapters/nats/lease-store.ts'
import { natsViewStore } from './adapters/nats/view-store.ts'
import { systemClock } from './adapters/system/clock.ts'
import { systemHost } from './adapters/shell/host.ts'
import { uuidv7Ids } from './adapters/system/ids.ts'
import { silentLogger } from './adapters/system/silent-logger.ts'
import { sha256 } from './adapters/system/sha256.ts'
import { namesOf } from './events/subjects.ts'
import * as kinds from './runtime/arguments.ts'
import { check, checkOptions } from './runtime/arguments.ts'
import type { ClientPorts, LeaseStore, Logger } from './runtime/ports.ts'
import { createSwarm, type Swarm } from './runtime/swarm.ts'

export const NAMESPACE_DEFAULT = 'default'

/** Where the server is, who connects, and which namespace. */
export type ConnectOptions = {
  /** `nats://host:port`, one or several; credentials may stand in the URL. */
  servers: string | readonly string[]
  user?: string | undefined
  password?: string | undefined
  /** Path of a NATS credentials file. */
  credsFile?: string | undefined
  /** Below which replies arrive; default: `_INBOX_<user>` for a user named here or in the URL. */
  inboxPrefix?: string | undefined
  /** Default: `default`. */
  namespace?: string | undefined
  /** Copies of everything stored, on a cluster: 1, 3 or 5. Takes effect when the namespace is first used. */
  replicas?: number | undefined
  logger?: Logger | undefined
  /** Who writes the events, as a URI reference; default: `client/<host>/<pid>`. */
  source?: string | undefined
  traceparent?: string | undefined
  /** Directory of private files of turns; default: `.swarmtrail` of the working directory. */
  dir?: string | undefined
}

/** The password is for the server to judge: it must not get into a message. */
const OPTIONS = {
  user: kinds.text,
  credsFile: kinds.text,
  inboxPrefix: kinds.text,
  namespace: kinds.text,
  replicas: kinds.integer(1, 5),
  logger: kinds.logger,
  source: kinds.uriReference,
  traceparent: kinds.text,
  dir: kinds.text,
  onProgress: kinds.callback,
}

/** A client and its connection. Its `ports` are for runners and readers of this package. */
export type ConnectedSwarm = Swarm & {
  readonly ports: ClientPorts & { leases: LeaseStore }
  readonly namespace: string
  /** Of the NATS server. */
  readonly server: { url: string; version: string; embedded: boolean }
  readonly dir: string
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Connects to NATS. Throws `log_unreachable`, `not_authorized`, `server_too_old` (before 2.12), `invalid_argument`.
 * The connection is kept through server restarts; `close` ends it.
 */
export async function connectSwarm(options: ConnectOptions): Promise<ConnectedSwarm> {
  checkOptions(options, OPTIONS)
  check('servers', options.servers, kinds.either(kinds.text, kinds.listOf(kinds.text)))
  const namespace = options.namespace ?? NAMESPACE_DEFAULT
  const link = await connectNats({ ...options, namespace })
  try {
    return await compose(link, options, false)
  } catch (error) {
    await link.close()
    throw error
  }
}

/** As for a named server, where it makes sense; `onProgress` is told when a server is fetched or started again. */
export type EmbeddedOptions = Omit<ConnectOptions, 'servers' | 'user' | 'password' | 'credsFile' | 'replicas'> & {
  onProgress?: ((line: string) => void) | undefined
}

/**
 * A swarm on the embedded nats-server of a directory (default: `.swarmtrail`), started when it is not running and
 * shared with every other process of that directory. Throws `server_not_found`, `log_unreachable`, `invalid_argument`.
 */
export async function openEmbeddedSwarm(options: EmbeddedOptions = {}): Promise<ConnectedSwarm> {
  checkOptions(options, OPTIONS)
  const dir = resolve(options.dir ?? '.swarmtrail')
  const server = await acquireEmbeddedServer({ dir, onProgress: options.onProgress })
  try {
    const namespace = options.namespace ?? NAMESPACE_DEFAULT
    const link = await connectNats({ servers: server.url, user: server.user, password: server.password, namespace })
    const swarm = await compose(link, { ...options, servers: server.url, dir }, true)
    const close = async () => {
      await swarm.close()
      await server.release()
    }
    return { ...swarm, close, [Symbol.asyncDispose]: close }
  } catch (error) {
    await server.release()
    throw error
  }
}

async function compose(link: NatsLink, options: ConnectOptions, embedded: boolean): Promise<ConnectedSwarm> {
  const namespace = options.namespace ?? NAMESPACE_DEFAULT
  const names = namesOf(namespace)
  const replicas = options.replicas ?? 1
  await ensureLogStream(link, names, { replicas })
  const host = systemHost()
  const dir = resolve(options.dir ?? '.swarmtrail')
  const ports = {
    log: natsEventLog(link, names, sha256),
    artifacts: natsArtifactStore(link.nc, names, { replicas }),
    views: natsViewStore(link.nc, names, { replicas }),
    leases: natsLeaseStore(link.nc, names, { replicas }),
    clock: systemClock(),
    ids: uuidv7Ids(),
    logger: options.logger ?? silentLogger(),
    sha256,
  }
  const swarm = createSwarm(ports, {
    source: options.source ?? `client/${host.name}/${host.pid}`,
    traceparent: options.traceparent,
  })
  const close = () => link.close()
  return {
    ...swarm,
    ports,
    namespace,
    server: { url: link.nc.getServer(), version: link.nc.info?.version ?? 'unknown', embedded },
    dir,
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Where private files of turns lie. */
export function scratchDirectory(dir: string): string {
  return join(dir, 'turns')
}
