/** The swarm that the global options name: a NATS server or cluster, or the embedded server of a directory. */
import { CliError } from '../adapters/cli/report-error.ts'
import { terminalLogger } from '../adapters/cli/logger.ts'
import type { Terminal } from '../adapters/cli/terminal.ts'
import type { ConnectedSwarm } from '../connect.ts'
import type { GlobalOptions } from './command.ts'
import { refuseOther } from './directories.ts'

export async function openSwarm(terminal: Terminal, options: GlobalOptions, dir: string): Promise<ConnectedSwarm> {
  const { nats, creds, inboxPrefix, namespace, replicas } = options
  if (nats === undefined) refuseWithoutServer(options)
  await refuseOther('--dir', dir)
  const { connectSwarm, openEmbeddedSwarm } = await import('../connect.ts')
  const logger = terminalLogger(terminal)
  if (nats === undefined)
    return openEmbeddedSwarm({ dir, namespace, logger, onProgress: (line) => terminal.note(line) })
  return connectSwarm({ servers: nats, credsFile: creds, inboxPrefix, namespace, replicas, dir, logger })
}

function refuseWithoutServer({ creds, replicas }: GlobalOptions): void {
  if (creds !== undefined)
    throw new CliError('invalid_argument', '--creds is for a server named by --nats or NATS_URL; name one')
  if (replicas !== undefined && replicas !== 1)
    throw new CliError('invalid_argument', '--replicas is for a cluster named by --nats or NATS_URL; name one')
}
