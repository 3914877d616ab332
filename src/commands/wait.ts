import { EXIT, statusOfOutcome } from '../adapters/cli/exit-status.ts'
import { clipped, oneLine } from '../adapters/cli/printable.ts'
import { CliError, reportError } from '../adapters/cli/report-error.ts'
import type { WaitResult } from '../runtime/wait.ts'
import type { Cli, DefineCommand } from './command.ts'
import { wholeNumber } from './option-values.ts'

const SUMMARY_CHARACTERS_MAX = 200
/** Of several sessions, the first of these statuses that one of them has. */
const WORST_FIRST = [EXIT.timedOut, EXIT.failed, EXIT.blocked, EXIT.stopped, EXIT.ok]

export const define: DefineCommand = (command, cli) => {
  command
    .argument('<id...>', 'the sessions')
    .option('--timeout-ms <n>', 'wait so long at most (default: for ever)', wholeNumber)
    .addHelpText(
      'after',
      `
Exits with 0 completed, 1 failed, 3 blocked, 4 stopped, 5 not found, 124 timed out; of several with the worst.

Example:
  swarmtrail wait S1 S2 --timeout-ms 600000`,
    )
    .action((ids: string[], options: { timeoutMs?: number }) => wait(cli, ids, options))
}

async function wait(cli: Cli, ids: readonly string[], { timeoutMs }: { timeoutMs?: number }): Promise<void> {
  const { terminal } = cli
  const swarm = await cli.swarm()
  const results = await Promise.all(ids.map((id) => swarm.wait(id, { timeoutMs })))
  for (const [index, { error }] of results.entries())
    if (error !== null) throw new CliError(error.code, error.message, { session_id: ids[index] })
  const records = results.map(({ session }) => session)
  if (terminal.json) await terminal.value(ids.length === 1 ? records[0] : records)
  else for (const [index, result] of results.entries()) await terminal.line(lineOf(ids[index] ?? '', result))
  const statuses = results.map(statusOf)
  cli.exitWith(WORST_FIRST.find((status) => statuses.includes(status)) ?? EXIT.failed)
  if (statuses.includes(EXIT.timedOut)) await tellTimeout(cli, timeoutMs)
}

/** On standard error alone: the records are the result, also of a wait that was too short. */
async function tellTimeout({ terminal }: Cli, timeoutMs: number | undefined): Promise<void> {
  const error = new CliError('wait_timeout', `no outcome within ${timeoutMs ?? 0} ms; the sessions go on`)
  await reportError({ ...terminal, json: false }, error)
}

function statusOf({ timedOut, session }: WaitResult): number {
  return timedOut ? EXIT.timedOut : statusOfOutcome(session?.outcome ?? null)
}

function lineOf(id: string, { session }: WaitResult): string {
  if (session === null) return id
  const reason = session.reason_code === null ? '' : ` (${session.reason_code})`
  const summary = session.result_summary ?? session.last_error
  const text = summary === null ? '' : `: ${clipped(summary, SUMMARY_CHARACTERS_MAX)}`
  return oneLine(`${id} ${session.outcome ?? session.status}${reason}${text}`)
}
