import { sessionTable } from '../adapters/cli/session-text.ts'
import { CliError } from '../adapters/cli/report-error.ts'
import type { ConnectedSwarm } from '../connect.ts'
import type { Position } from '../events/ids.ts'
import { toEpochMs } from '../events/timestamp.ts'
import type { RegistryRecord } from '../runtime/swarm.ts'
import type { Cli, DefineCommand } from './command.ts'
import { label, wholeNumber } from './option-values.ts'

type PsOptions = { status?: string; label?: Record<string, string>; limit?: number; at?: string }

export const define: DefineCommand = (command, cli) => {
  command
    .option('--status <status>', 'only sessions of this status')
    .option('--label <name=value>', 'only sessions with this label, repeatable', label)
    .option('--limit <n>', 'at most so many', wholeNumber)
    .option('--at <place>', 'as of a position or a time')
    .addHelpText('after', '\nExample:\n  swarmtrail ps --status running --label lane=web')
    .action((options: PsOptions) => list(cli, options))
}

async function list(cli: Cli, { status, label, limit, at }: PsOptions): Promise<void> {
  const { terminal } = cli
  const wanted = await statusNamed(status)
  const swarm = await cli.swarm()
  const upTo = at === undefined ? undefined : await swarm.positionOf(at)
  const records = await swarm.list({ status: wanted, labels: label, at: upTo, limit })
  if (terminal.json) return terminal.value(records)
  const nowMs = at === undefined || upTo === undefined ? Date.now() : await timeOf(swarm, at, upTo)
  for (const line of sessionTable(records, nowMs, terminal.columns)) await terminal.line(line)
}

/** The moment that a place stands for, from which ages count: never later than now. */
async function timeOf(swarm: ConnectedSwarm, place: string, upTo: Position): Promise<number> {
  const now = Date.now()
  const time = /^\d+$/.test(place) ? await recordedAt(swarm, upTo) : toEpochMs(place)
  return Number.isNaN(time) ? now : Math.min(now, time)
}

/** When the event at a position happened; NaN where there is none yet. */
async function recordedAt(swarm: ConnectedSwarm, position: Position): Promise<number> {
  const from = Math.max(0, position - 1)
  for await (const event of swarm.events({ from, until: 'now' })) return toEpochMs(event.time)
  return Number.NaN
}

async function statusNamed(name: string | undefined): Promise<RegistryRecord['status'] | undefined> {
  if (name === undefined) return undefined
  const { SESSION_STATUSES } = await import('../projections/status.ts')
  const found = SESSION_STATUSES.find((status) => status === name)
  if (found !== undefined) return found
  throw new CliError('invalid_argument', `--status ${name}: expected one of ${SESSION_STATUSES.join(', ')}`)
}
