import { eventLine } from '../adapters/cli/event-line.ts'
import { oneLine } from '../adapters/cli/printable.ts'
import { CliError } from '../adapters/cli/report-error.ts'
import type { ConnectedSwarm } from '../connect.ts'
import type { Position } from '../events/ids.ts'
import type { LogParked } from '../runtime/ports.ts'
import type { Cli, DefineCommand } from './command.ts'
import { repeated } from './option-values.ts'
import { notFound } from './refusals.ts'

type WatchOptions = { from: string; type?: string[]; untilClosed?: boolean }

export const define: DefineCommand = (command, cli) => {
  command
    .argument('[id]', 'only this session')
    .option('--from <place>', 'start, now, a position or a time', 'now')
    .option('--type <pattern>', "only these types, e.g. 'session.*', repeatable", repeated)
    .option('--until-closed', 'end when the session is closed')
    .addHelpText(
      'after',
      `
Ends on Ctrl-C with status 0. Messages in the log that are no events are told on standard error.

Examples:
  swarmtrail watch --type 'session.*' --json
  swarmtrail watch S1 --from start --until-closed`,
    )
    .action((id: string | undefined, options: WatchOptions) => watch(cli, id, options))
}

async function watch(
  cli: Cli,
  sessionId: string | undefined,
  { from, type, untilClosed }: WatchOptions,
): Promise<void> {
  const { terminal } = cli
  if (untilClosed && sessionId === undefined)
    throw new CliError('invalid_argument', '--until-closed needs the id of a session')
  await refuseUnknownTypes(type)
  const swarm = await cli.swarm()
  const after = await swarm.positionOf(from)
  const over = sessionId !== undefined && (await isClosed(swarm, sessionId))
  const ended = new AbortController()
  const giveBack = cli.interrupts.take(() => ended.abort())
  const events = swarm.events({
    sessionId,
    from: after,
    types: type,
    signal: AbortSignal.any([ended.signal, terminal.closed]),
    until: untilOf(untilClosed ?? false, over),
    onParked: (parked) => terminal.note(parkedLine(parked)),
  })
  for await (const event of events) {
    if (terminal.json) await terminal.value(event)
    else await terminal.line(eventLine(event, { colours: terminal.colours, withSession: sessionId === undefined }))
  }
  giveBack()
}

/** What is closed already gets no further event to end on: then what is in the log is all. */
function untilOf(untilClosed: boolean, over: boolean): 'closed' | 'now' | undefined {
  if (!untilClosed) return undefined
  return over ? 'now' : 'closed'
}

async function isClosed(swarm: ConnectedSwarm, sessionId: string): Promise<boolean> {
  const record = await swarm.get(sessionId)
  if (record === null) throw notFound(sessionId)
  return record.phase === 'closed'
}

/** A pattern that can never match is a mistake, not a quiet night. */
async function refuseUnknownTypes(patterns: readonly string[] = []): Promise<void> {
  if (patterns.length === 0) return
  const [{ EVENT_TYPES }, { matcherOf }] = await Promise.all([
    import('../events/session-events.ts'),
    import('../runtime/follow-events.ts'),
  ])
  const wrong = patterns.find((pattern) => !EVENT_TYPES.some(matcherOf([pattern])))
  if (wrong !== undefined)
    throw new CliError(
      'invalid_argument',
      `--type ${wrong}: no event type is like that; there are ${EVENT_TYPES.join(', ')}`,
    )
}

function parkedLine({ position, subject, code, reason }: LogParked & { position: Position }): string {
  return oneLine(`parked: position ${position} on ${subject}: ${code}: ${reason}`)
}
