import type { DefineCommand } from './command.ts'
import { tellAccepted } from './steering.ts'

export const define: DefineCommand = (command, cli) => {
  command
    .argument('<post>', 'the held post, as swarmtrail watch and view vericify name it')
    .option('--reason <text>', 'why, for those who read the trail')
    .addHelpText('after', '\nExample:\n  swarmtrail approve S1.0199f6a2-7c1e-7000-8000-000000000000')
    .action(async (post: string, { reason }: { reason?: string }) =>
      tellAccepted(cli, await (await cli.swarm()).approve(post, { reason }), {
        id: post,
        words: `post ${post} is public`,
      }),
    )
}
