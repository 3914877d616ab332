import type { DefineCommand } from './command.ts'
import { tellAccepted } from './steering.ts'

export const define: DefineCommand = (command, cli) => {
  command
    .argument('<id>', 'the session')
    .option('--reason <text>', 'why, for those who read the trail')
    .addHelpText(
      'after',
      '\nIts processes are ended, its work is captured and its workspace cleaned up.\n\nExample:\n  swarmtrail stop S1 --reason "not needed any more"',
    )
    .action(async (id: string, { reason }: { reason?: string }) =>
      tellAccepted(cli, await (await cli.swarm()).stop(id, { reason }), {
        id,
        words: `session ${id} is asked to stop`,
      }),
    )
}
