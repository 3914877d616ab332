/** The connection to NATS: opened once, kept for ever, and watched so that callers learn at once when it is lost. */
import { readFile } from 'node:fs/promises'
import { connect, createInbox, credsAuthenticator, errors, type NatsConnection } from '@nats-io/transport-node'
import { NAMESPACE_PATTERN } from '../../events/ids.ts'
import { namesOf, type Names } from '../../events/subjects.ts'
import { messageOf, SwarmError } from '../../runtime/errors.ts'
import { parseServers, type Servers } from './connection-servers.ts'

/** Older servers ignore the subject filter of an expected version silently, so two writers could both win. */
const OLDEST_VERSION = [2, 12] as const
const firstConnectMs = 2_500
const reconnectWaitMs = 100
const reconnectJitterMs = 200
/** Two unanswered pings mean the connection is dead, so half-open connections are noticed within 15 s. */
const pingIntervalMs = 5_000
const closeFlushMs = 1_000

export type ConnectNats = {
  /** `nats://host:port`, one or several (a list, or separated by commas); credentials may stand in the first. */
  servers: string | readonly string[]
  user?: string | undefined
  password?: string | undefined
  /** File with a user's JWT and key. */
  credsFile?: string | undefined
  namespace: string
  /** How the server calls this client in its logs. */
  name?: string | undefined
  /** Below which replies arrive; default: `_INBOX_<user>` for a user named here or in the URL. */
  inboxPrefix?: string | undefined
}

export type NatsLink = {
  readonly nc: NatsConnection
  readonly names: Names
  /** Whether the connection stands right now. */
  connected(): boolean
  /** Closed for good by us; a lost connection is not closed but being made again. */
  closed(): boolean
  /** Whether reads may be answered by a replica that lags behind the stream's leader. */
  clustered(): boolean
  /** A new subject on which this user may hear replies. */
  inbox(): string
  /** Tells every loss and return of the connection until the returned function is called. */
  onChange(listener: (connected: boolean) => void): () => void
  close(): Promise<void>
}

/**
 * Connects within about 3 s or throws: `log_unreachable`, `not_authorized`, `server_too_old` (before 2.12) or
 * `invalid_argument`. Once connected, a lost connection is made again for ever, every 100 to 300 ms.
 */
export async function connectNats(options: ConnectNats): Promise<NatsLink> {
  // Programs without types may give anything.
  if (typeof options.namespace !== 'string' || !NAMESPACE_PATTERN.test(options.namespace))
    throw new SwarmError(
      'invalid_argument',
      `namespace ${options.namespace}: expected 1 to 32 characters of A-Z a-z 0-9 _ -`,
    )
  const servers = parseServers(options.servers)
  const nc = await dial(options, servers)
  const version = nc.info?.version ?? 'unknown'
  if (!isSupportedServer(version)) {
    await nc.close()
    const message = `the server at ${servers.shown} is nats-server ${version}; ${OLDEST_VERSION.join('.')} or newer is needed`
    throw new SwarmError('server_too_old', message, { details: { servers: servers.shown, version } })
  }
  return linkOf(nc, namesOf(options.namespace), inboxOf(options.inboxPrefix, options.user ?? servers.user).inboxPrefix)
}

/** Whether a nats-server of this version checks an expected version against its subject filter. */
export function isSupportedServer(version: string): boolean {
  const match = /^v?(\d+)\.(\d+)/.exec(version)
  if (match === null) return false
  const [major, minor] = [Number(match[1]), Number(match[2])]
  return major > OLDEST_VERSION[0] || (major === OLDEST_VERSION[0] && minor >= OLDEST_VERSION[1])
}

async function dial(options: ConnectNats, servers: Servers): Promise<NatsConnection> {
  const user = options.user ?? servers.user
  const pass = options.password ?? servers.password
  const creds = options.credsFile === undefined ? undefined : await credentials(options.credsFile)
  try {
    return await connect({
      servers: [...servers.addresses],
      name: options.name ?? 'swarmtrail',
      timeout: Math.ceil(firstConnectMs / servers.addresses.length),
      reconnect: true,
      maxReconnectAttempts: -1,
      reconnectTimeWait: reconnectWaitMs,
      reconnectJitter: reconnectJitterMs,
      ignoreAuthErrorAbort: true,
      pingInterval: pingIntervalMs,
      // Every request would otherwise pay for a stack trace that nobody reads.
      noAsyncTraces: true,
      ...(servers.tls ? { tls: {} } : {}),
      ...(creds === undefined ? {} : { authenticator: creds }),
      ...(user === undefined ? {} : { user }),
      ...(pass === undefined ? {} : { pass }),
      ...(servers.token === undefined ? {} : { token: servers.token }),
      ...inboxOf(options.inboxPrefix, user),
    })
  } catch (error) {
    throw connectFault(error, servers.shown)
  }
}

/** A user may be allowed to hear replies of its own only, as those of `server-config --roles` are. */
function inboxOf(given: string | undefined, user: string | undefined): { inboxPrefix?: string } {
  if (given !== undefined) return { inboxPrefix: given }
  return user !== undefined && /^[\w-]+$/.test(user) ? { inboxPrefix: `_INBOX_${user}` } : {}
}

async function credentials(path: string): Promise<ReturnType<typeof credsAuthenticator>> {
  try {
    return credsAuthenticator(await readFile(path))
  } catch (error) {
    throw new SwarmError('invalid_argument', `can't use the credentials file ${path}: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

function connectFault(error: unknown, shown: string): SwarmError {
  const options = { details: { servers: shown }, cause: error }
  if (error instanceof errors.AuthorizationError || error instanceof errors.UserAuthenticationExpiredError) {
    return new SwarmError('not_authorized', `the server at ${shown} refuses these credentials`, options)
  }
  const message = `can't reach a NATS server at ${shown}: ${messageOf(error)}`
  return new SwarmError('log_unreachable', message, { ...options, retryable: true })
}

function linkOf(nc: NatsConnection, names: Names, inboxPrefix: string | undefined): NatsLink {
  let up = true
  const listeners = new Set<(connected: boolean) => void>()
  const change = (connected: boolean) => {
    up = connected
    for (const listener of listeners) listener(connected)
  }
  void watch(nc, change)
  return {
    nc,
    names,
    connected: () => up && !nc.isClosed(),
    closed: () => nc.isClosed(),
    clustered: () => nc.info?.cluster !== undefined,
    inbox: () => createInbox(inboxPrefix),
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async close() {
      if (up && !nc.isClosed()) await flushed(nc)
      await nc.close()
    },
  }
}

async function watch(nc: NatsConnection, change: (connected: boolean) => void): Promise<void> {
  for await (const { type } of nc.status()) {
    if (type === 'disconnect' || type === 'close') change(false)
    if (type === 'reconnect') change(true)
  }
}

/** Lets what was published reach the server; a connection lost meanwhile is being closed anyway, so its error says nothing. */
async function flushed(nc: NatsConnection): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const overdue = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, closeFlushMs)
  })
  await Promise.race([nc.flush().then(undefined, ignoreLoss), overdue])
  clearTimeout(timer)
}

function ignoreLoss(error: unknown): void {
  if (error instanceof errors.RequestError || error instanceof errors.ClosedConnectionError) return
  throw error
}
