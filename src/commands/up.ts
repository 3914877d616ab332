import { join } from 'node:path'
import type { Cli, DefineCommand } from './command.ts'
import { refuseOther } from './directories.ts'
import { refuseNamedServer } from './embedded-only.ts'

export const define: DefineCommand = (command, cli) => {
  command
    .addHelpText(
      'after',
      `
Without it the server runs only as long as a command uses it.

Example:
  swarmtrail up && swarmtrail start "Fix the login test"`,
    )
    .action(() => up(cli))
}

async function up(cli: Cli): Promise<void> {
  refuseNamedServer(cli, 'up')
  await refuseOther('--dir', cli.dir())
  const { terminal } = cli
  const { keepEmbeddedServer } = await import('../adapters/nats/embedded-server.ts')
  const { url, user, pid, version } = await keepEmbeddedServer(cli.dir(), (line) => terminal.note(line))
  const file = join(cli.dir(), 'server.json')
  if (terminal.json) return terminal.value({ url, user, pid, version, credentials: file })
  await terminal.line(
    `nats-server ${version} runs at ${url} (process ${pid}) until swarmtrail down; credentials: ${file}`,
  )
}
