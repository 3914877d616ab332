import type { DefineCommand } from './command.ts'
import { sessionOfPost, tellAccepted } from './steering.ts'

export const define: DefineCommand = (command, cli) => {
  command
    .argument('<post>', 'the held post, as swarmtrail watch and view vericify name it')
    .option('--reason <text>', 'why, for those who read the trail')
    .addHelpText('after', '\nExample:\n  swarmtrail approve S1.0199f6a2-7c1e-7000-8000-000000000000')
    .action(async (post: string, { reason }: { reason?: string }) => {
      const id = sessionOfPost(post)
      const result = await (await cli.swarm()).approve(post, { reason })
      await tellAccepted(cli, result, { id, words: `post ${post} is public` })
    })
}
