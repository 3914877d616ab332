import type { Cli, DefineCommand } from './command.ts'
import { refuseOther } from './directories.ts'
import { refuseNamedServer } from './embedded-only.ts'

export const define: DefineCommand = (command, cli) => {
  command
    .addHelpText(
      'after',
      '\nWhile commands use the server, it stops with the last of them.\n\nExample:\n  swarmtrail down',
    )
    .action(() => down(cli))
}

async function down(cli: Cli): Promise<void> {
  refuseNamedServer(cli, 'down')
  await refuseOther('--dir', cli.dir())
  const { terminal } = cli
  const { inspectEmbeddedServer, stopEmbeddedServer } = await import('../adapters/nats/embedded-server.ts')
  const wasRunning = await stopEmbeddedServer(cli.dir())
  const inUse = wasRunning && (await inspectEmbeddedServer(cli.dir())) !== null
  if (terminal.json) return terminal.value({ was_running: wasRunning, in_use: inUse })
  await terminal.line(
    inUse
      ? 'the server stops with the last command that uses it'
      : wasRunning
        ? 'the server is stopped'
        : 'no server runs here',
  )
}
