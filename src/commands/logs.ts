import { Option } from 'commander'
import type { SwarmEvent } from '../events/envelope.ts'
import type { Cli, DefineCommand } from './command.ts'
import { followLive } from './logs-follow.ts'
import { wholeNumber } from './option-values.ts'
import { endedTurn, printEnded, STREAMS, type OutputChoice } from './output-text.ts'
import { notFound, turnNotFound } from './refusals.ts'

type LogsOptions = OutputChoice & { follow?: boolean }

export const define: DefineCommand = (command, cli) => {
  command
    .argument('<id>', 'the session')
    .option('--turn <n>', 'only this turn', wholeNumber)
    .addOption(new Option('--stream <name>', 'only this stream').choices(STREAMS))
    .option('-f, --follow', 'go on with live output until the session is closed')
    .addHelpText(
      'after',
      `
Prints whole outputs as they are, turn after turn; which turn and stream follows is told on standard error. On a
terminal, control bytes are left out.

Example:
  swarmtrail logs S1 --turn 2 --stream stderr > errors.txt`,
    )
    .action((id: string, options: LogsOptions) => logs(cli, id, options))
}

async function logs(cli: Cli, id: string, options: LogsOptions): Promise<void> {
  const swarm = await cli.swarm()
  if (options.follow) return followLive(cli, swarm, id, options)
  const items = await swarm.ports.log.read(id)
  if (items.length === 0) throw notFound(id)
  const trail = items.flatMap((item) => (item.kind === 'event' ? [item.event] : []))
  const turns = trail.filter(({ type }) => type === 'turn.started').length
  if (options.turn !== undefined && (options.turn < 1 || options.turn > turns))
    throw turnNotFound(id, options.turn, turns)
  let printed = 0
  for (const event of trail) printed += await printEnded(cli, swarm, event, options)
  if (printed === 0) cli.terminal.note(noOutputText(trail, options))
}

/** Why nothing was printed: nothing came, or nothing has come yet. */
function noOutputText(trail: readonly SwarmEvent[], { turn, stream }: OutputChoice): string {
  const isOver = trail.some((event) => event.type === 'session.closed' || endedTurn(event)?.turn === (turn ?? null))
  if (!isOver) return 'no output yet of a turn that ended; --follow prints live output'
  const [who, what] = turn === undefined ? ['no turn', 'anything'] : [`turn ${turn}`, 'nothing']
  return `no output: ${who} wrote ${what}${stream === undefined ? '' : ` to ${stream}`}`
}
