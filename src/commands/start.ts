import type { DefineCommand } from './command.ts'
import { accepted } from './refusals.ts'
import { addStartOptions, startRequestOf, type StartOptions } from './start-options.ts'

export const define: DefineCommand = (command, cli) => {
  addStartOptions(command)
    .addHelpText(
      'after',
      `
Prints the session's id. A session that no runner can take yet stays queued until there is one.

Example:
  swarmtrail start "Fix the login test" --label lane=web --max-turns 4`,
    )
    .action(async (task: string, options: StartOptions) => {
      const swarm = await cli.swarm()
      const { sessionId, position } = accepted(
        await swarm.start(startRequestOf(task, options)),
        options.sessionId ?? '',
      )
      if (cli.terminal.json) await cli.terminal.value({ session_id: sessionId, position })
      else await cli.terminal.line(sessionId)
    })
}
