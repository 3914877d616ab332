import type { DefineCommand } from './command.ts'
import { tellAccepted } from './steering.ts'

export const define: DefineCommand = (command, cli) => {
  command
    .argument('<id>', 'the session')
    .option('--guidance <text>', 'what its next turn is told')
    .addHelpText('after', '\nExample:\n  swarmtrail resume S1 --guidance "Use the staging database"')
    .action(async (id: string, { guidance }: { guidance?: string }) =>
      tellAccepted(cli, await (await cli.swarm()).resume(id, { guidance }), {
        id,
        words: `session ${id} is asked to go on`,
      }),
    )
}
