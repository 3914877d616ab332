import { CliError } from '../adapters/cli/report-error.ts'
import type { Cli } from './command.ts'

/** `up` and `down` are about the server of a directory, which a named one replaces. */
export function refuseNamedServer(cli: Cli, command: string): void {
  if (cli.options().nats === undefined) return
  const message = `${command} is for the embedded server, but --nats or NATS_URL names another one; leave that out`
  throw new CliError('invalid_argument', message)
}
