/** A nats-server configuration with roles, and the streams that its restricted users need. */
import { isIPv6 } from 'node:net'
import { CliError } from '../adapters/cli/report-error.ts'
import type { Cli, DefineCommand } from './command.ts'

type ServerConfigOptions = { roles?: boolean; create?: boolean; listen?: string; storeDir?: string }

export const define: DefineCommand = (command, cli) => {
  command
    .option('--roles', 'print a configuration with the users admin, observer, coordinator and runner')
    .option('--listen <host:port>', 'where the server listens (default: 127.0.0.1:4222)')
    .option('--store-dir <dir>', 'where the server keeps its streams')
    .option('--create', "make the namespace's streams on the server of --nats, as admin; the roles may not")
    .addHelpText(
      'after',
      `
Examples:
  swarmtrail server-config --roles --store-dir /var/lib/swarmtrail > nats.conf
  swarmtrail server-config --create --nats "nats://admin:$SWARMTRAIL_ADMIN_PASSWORD@127.0.0.1:4222"`,
    )
    .action((options: ServerConfigOptions) => serverConfig(cli, options))
}

async function serverConfig(cli: Cli, options: ServerConfigOptions): Promise<void> {
  if (options.roles === options.create) throw new CliError('invalid_argument', 'give either --roles or --create')
  const { listen, storeDir } = options
  if (options.create === true && (listen !== undefined || storeDir !== undefined))
    throw new CliError('invalid_argument', '--listen and --store-dir are for --roles')
  if (listen !== undefined && !isAddress(listen))
    throw new CliError(
      'invalid_argument',
      `--listen ${listen}: expected HOST:PORT, such as 127.0.0.1:4222 or [::1]:4222`,
    )
  return options.create === true ? create(cli) : print(cli, options)
}

/** A host name, an IPv4 address or an IPv6 address in brackets, and a port. */
function isAddress(text: string): boolean {
  const [, v6, name, port] = /^(?:\[([\da-f:.]+)\]|([\w.-]+)):(\d{1,5})$/i.exec(text) ?? []
  return (v6 === undefined ? name !== undefined : isIPv6(v6)) && Number(port) >= 1 && Number(port) <= 65_535
}

async function print({ terminal, options }: Cli, { listen, storeDir }: ServerConfigOptions): Promise<void> {
  const { roleConfig } = await import('../adapters/nats/role-config.ts')
  const { NAMESPACE_PATTERN } = await import('../events/ids.ts')
  const { namespace = 'default', replicas = 1 } = options()
  if (!NAMESPACE_PATTERN.test(namespace))
    throw new CliError('invalid_argument', 'namespace: expected 1 to 32 characters of A-Z a-z 0-9 _ -')
  const config = roleConfig({ namespace, stores: await storeNames(), listen, storeDir, cluster: replicas > 1 })
  if (terminal.json) return terminal.value({ namespace, config })
  for (const line of config.trimEnd().split('\n')) await terminal.line(line)
}

async function create({ terminal, options }: Cli): Promise<void> {
  const { nats, creds, inboxPrefix, namespace = 'default', replicas } = options()
  if (nats === undefined)
    throw new CliError('invalid_argument', '--create is for a server named by --nats or NATS_URL; name one')
  const { connectNats } = await import('../adapters/nats/connection.ts')
  const { makeNamespace } = await import('../adapters/nats/namespace-streams.ts')
  const link = await connectNats({ servers: nats, credsFile: creds, inboxPrefix, namespace })
  try {
    const streams = await makeNamespace(link, await storeNames(), { replicas })
    if (terminal.json) return await terminal.value({ namespace, streams })
    await terminal.line(`the namespace ${namespace} has its streams: ${streams.join(', ')}`)
  } finally {
    await link.close()
  }
}

/** Everything a runner keeps beside the log. */
async function storeNames(): Promise<string[]> {
  const { PARKED_STORE } = await import('../runtime/projector.ts')
  const { INDEXES, storeNameOf, VIEWS } = await import('../projections/names.ts')
  return [...Object.values(VIEWS), ...Object.values(INDEXES)].map(storeNameOf).concat(PARKED_STORE)
}
