import type { Cli, DefineCommand } from './command.ts'
import { trailOf } from './session-facts.ts'
import { tellAccepted } from './steering.ts'

export const define: DefineCommand = (command, cli) => {
  command
    .argument('<id>', 'the session')
    .option('--reason <text>', 'why, for those who read the trail')
    .addHelpText(
      'after',
      `
Its processes are ended, its work is captured and its workspace cleaned up. One that is still queued is closed, without
having done anything, by the next runner that comes to it.

Example:
  swarmtrail stop S1 --reason "not needed any more"`,
    )
    .action((id: string, { reason }: { reason?: string }) => stop(cli, id, reason))
}

async function stop(cli: Cli, id: string, reason: string | undefined): Promise<void> {
  const swarm = await cli.swarm()
  const result = await swarm.stop(id, { reason })
  const unclaimed =
    !cli.terminal.json && result.ok && !(await trailOf(swarm, id)).some(({ type }) => type === 'session.claimed')
  const words = unclaimed
    ? `session ${id} will not be started; the next runner closes it`
    : `session ${id} is asked to stop`
  await tellAccepted(cli, result, { id, words })
}
