import { plainText } from '../words/plain-text.ts'
import { fields, table } from '../adapters/cli/table.ts'
import type { PendingEffect, Replay, ReplayStep } from '../runtime/replay.ts'
import type { Cli, DefineCommand } from './command.ts'

type ReplayCommandOptions = { at?: string; step?: boolean }

export const define: DefineCommand = (command, cli) => {
  command
    .argument('<id>', 'the session')
    .option('--at <place>', 'up to a position or a time (default: now)')
    .option('--step', 'show each transition')
    .addHelpText('after', '\nExample:\n  swarmtrail replay S1 --at 2026-11-25T01:02:03Z')
    .action((id: string, options: ReplayCommandOptions) => replay(cli, id, options))
}

async function replay(cli: Cli, id: string, { at, step }: ReplayCommandOptions): Promise<void> {
  const { terminal } = cli
  const swarm = await cli.swarm()
  if (step) {
    const steps = await swarm.replaySteps(id, { at })
    if (terminal.json) for (const one of steps) await terminal.value(stepObject(one))
    else for (const line of stepTable(steps, terminal.columns)) await terminal.line(line)
    return
  }
  const past = await swarm.replay(id, { at })
  if (terminal.json) await terminal.value(replayObject(past))
  else for (const line of replayText(past)) await terminal.line(line)
}

function replayObject({ session_id, position, time, phase, state, pending }: Replay) {
  return { session_id, position, time, phase, state, pending }
}

function stepObject({ parked, ...step }: ReplayStep) {
  return parked === null ? step : { ...step, parked }
}

function replayText(past: Replay): string[] {
  return [
    ...fields([
      ['session', past.session_id],
      ['position', String(past.position)],
      ['time', past.time],
      ['phase', past.phase],
      ['state', past.state],
      ['pending', past.pending.length === 0 ? 'nothing' : effectNames(past.pending)],
    ]),
    ...past.pending.map((effect) => plainText(`  ${effect.id} ${effect.type} ${JSON.stringify(effect.params)}`)),
  ]
}

function stepTable(steps: readonly ReplayStep[], columns: number): string[] {
  const rows = steps.map(({ position, type, from, to, effects, parked }) => [
    String(position),
    type,
    from,
    to,
    parked === null ? effectNames(effects) : `parked: ${parked}`,
  ])
  return table(['POSITION', 'TYPE', 'FROM', 'TO', 'EFFECTS'], rows, columns)
}

function effectNames(effects: readonly PendingEffect[]): string {
  return effects.map(({ type }) => type).join(', ')
}
