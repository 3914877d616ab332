import { countWords } from '../words/amounts.ts'
import type { Cli, DefineCommand } from './command.ts'
import { progressOf } from './progress.ts'

export const define: DefineCommand = (command, cli) => {
  command
    .argument('<file>', 'an export')
    .addHelpText(
      'after',
      `
The whole file is proved first: nothing is written unless it is complete and every line of it is sound. The namespace
(see --namespace) has to be empty, and no runner may serve it meanwhile; that the file comes from another one doesn't
matter. Sessions that were not closed go on once a runner serves them.

Example:
  swarmtrail import trails.jsonl --namespace restored`,
    )
    .action((file: string) => importFile(cli, file))
}

async function importFile(cli: Cli, file: string): Promise<void> {
  const { terminal } = cli
  const { importTrails } = await import('../history.ts')
  const swarm = await cli.swarm()
  const progress = progressOf(terminal, 'importing')
  const imported = await importTrails(swarm, file, { onProgress: progress.tell })
  progress.end()
  const { namespace } = swarm
  if (terminal.json) return terminal.value({ namespace, ...imported })
  const { sessions, events, artifacts } = imported
  const what = [countWords(sessions, 'session'), countWords(events, 'event'), countWords(artifacts, 'artifact')]
  await terminal.line(`${what.join(', ')} imported into the namespace ${namespace}`)
}
