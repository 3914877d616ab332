import { sessionText } from '../adapters/cli/session-text.ts'
import type { Cli, DefineCommand } from './command.ts'
import { notFound } from './refusals.ts'
import { factsOf } from './session-facts.ts'

export const define: DefineCommand = (command, cli) => {
  command
    .argument('<id>', 'the session')
    .addHelpText('after', '\nExample:\n  swarmtrail show S1')
    .action((id: string) => show(cli, id))
}

async function show(cli: Cli, id: string): Promise<void> {
  const { terminal } = cli
  const swarm = await cli.swarm()
  const record = await swarm.get(id)
  if (record === null) throw notFound(id)
  if (terminal.json) return terminal.value(record)
  for (const line of sessionText(record, await factsOf(swarm, id), terminal.colours)) await terminal.line(line)
}
