import type { DefineCommand } from './command.ts'
import { tellAccepted } from './steering.ts'

export const define: DefineCommand = (command, cli) => {
  command
    .argument('<id>', 'the session')
    .option('--guidance <text>', 'what its next turn is told (default: nothing)')
    .addHelpText(
      'after',
      `
A session can be resumed while it is blocked and held (see blocked.hold_ms in the workflow file), which it is only when
it has turns left.

Example:
  swarmtrail resume S1 --guidance "Use the staging database"`,
    )
    .action(async (id: string, { guidance }: { guidance?: string }) =>
      tellAccepted(cli, await (await cli.swarm()).resume(id, { guidance }), {
        id,
        words: `session ${id} is asked to go on`,
      }),
    )
}
