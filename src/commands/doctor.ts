import { coloured } from '../adapters/cli/colours.ts'
import { EXIT } from '../adapters/cli/exit-status.ts'
import { oneLine } from '../adapters/cli/printable.ts'
import type { Cli, DefineCommand } from './command.ts'

export const define: DefineCommand = (command, cli) => {
  command
    .addHelpText(
      'after',
      `
Exits with 1 when a check fails.

Example:
  swarmtrail doctor --json`,
    )
    .action(() => doctor(cli))
}

async function doctor(cli: Cli): Promise<void> {
  const { terminal } = cli
  const swarm = await cli.swarm()
  const { checkup } = await import('./doctor-checks.ts')
  const checks = await checkup(swarm, cli.options())
  const ok = checks.every((check) => check.ok)
  if (!ok) cli.exitWith(EXIT.failed)
  if (terminal.json) return terminal.value({ ok, server: swarm.server, namespace: swarm.namespace, checks })
  for (const check of checks) {
    const verdict = coloured(terminal.colours, check.ok ? 'green' : 'red', check.ok ? 'ok  ' : 'FAIL')
    await terminal.line(`${verdict} ${check.name.padEnd(10)} ${oneLine(check.detail)}`)
  }
}
