import { countWords } from '../words/amounts.ts'
import { fields } from '../adapters/cli/table.ts'
import { clipped } from '../adapters/cli/printable.ts'
import { CliError } from '../adapters/cli/report-error.ts'
import type { Backtest } from '../runtime/backtest/backtest.ts'
import type { SessionBacktest } from '../runtime/backtest/session.ts'
import type { Cli, DefineCommand } from './command.ts'
import { loadWorkflow } from './serve-options.ts'

type Options = { workflow: string; since?: string }
const WHY_CHARACTERS_MAX = 400

export const define: DefineCommand = (command, cli) => {
  command
    .requiredOption('--workflow <file>', 'whose limits and stop checks to apply')
    .option('--since <time>', 'only sessions asked for since then (a time, or a position)')
    .addHelpText('after', '\nExample:\n  swarmtrail backtest --workflow NEW.md --since 2026-11-01')
    .action((options: Options) => backtestCommand(cli, options))
}

async function backtestCommand(cli: Cli, options: Options): Promise<void> {
  const { terminal } = cli
  const { backtest } = await import('../history.ts')
  await loadWorkflow(terminal, { workflow: options.workflow })
  const swarm = await cli.swarm()
  const after = options.since === undefined ? 0 : await swarm.positionOf(sinceOf(options.since))
  const { workflow, sessions, summary } = await backtest(swarm, { workflow: options.workflow, after })
  const { path, digest } = workflow
  if (terminal.json) return terminal.value({ workflow: { path, digest }, sessions, summary })
  for (const session of sessions) for (const line of sessionLines(session)) await terminal.line(line)
  for (const line of summaryLines(summary)) await terminal.line(line)
}

function sinceOf(text: string): string {
  if (text === 'now') throw new CliError('invalid_argument', '--since now: expected a time or a position in the past')
  return text
}

function sessionLines({ session_id, recorded, would, why, not_judged }: SessionBacktest): string[] {
  const was =
    recorded.outcome === null
      ? 'not ended'
      : `${recorded.outcome} (${recorded.reason_code}) after ${countWords(recorded.turns, 'turn')}`
  const end =
    would === 'same'
      ? 'the same'
      : would === 'unknown'
        ? 'not judged'
        : `${would.outcome} (${would.reason_code}) in turn ${would.at_turn}, at position ${would.at_position}`
  const others = not_judged.filter((line) => line !== why)
  return [
    ...fields([
      ['session', session_id],
      ['recorded', was],
      ['would be', end],
      ['why', clipped(why, WHY_CHARACTERS_MAX)],
      ['not judged', others.length === 0 ? null : clipped(others.join('; '), WHY_CHARACTERS_MAX)],
    ]),
    '',
  ]
}

function summaryLines({ sessions, same, different, unknown, changes, parked }: Backtest['summary']): string[] {
  return [
    `${countWords(sessions, 'session')}: ${same} the same, ${different} different, ${unknown} not judged`,
    ...changes.map(({ from, to, sessions: count }) => `  ${count} × ${from} would have been ${to}`),
    ...(parked === 0 ? [] : [`${countWords(parked, 'message')} in the log could not be read`]),
  ]
}
