import { resolve } from 'node:path'
import { Option } from 'commander'
import { eventLine } from '../adapters/cli/event-line.ts'
import { statusOfOutcome } from '../adapters/cli/exit-status.ts'
import { outcomeText } from '../adapters/cli/session-text.ts'
import { CliError } from '../adapters/cli/report-error.ts'
import { liveStatus, progressAfter, type Progress } from '../adapters/cli/status-line.ts'
import type { Terminal } from '../adapters/cli/terminal.ts'
import type { ConnectedSwarm } from '../connect.ts'
import type { RunningRunner } from '../create-runner.ts'
import type { RecordedEvent } from '../events/envelope.ts'
import type { Position, SessionId } from '../events/ids.ts'
import type { InterpreterEnd } from '../runtime/interpreter.ts'
import type { Cli, DefineCommand } from './command.ts'
import { accepted } from './refusals.ts'
import { stopOnInterrupt } from './run-interrupts.ts'
import { addServeOptions, loadWorkflow, type ServeOptions } from './serve-options.ts'
import { factsOf } from './session-facts.ts'
import { addStartOptions, startRequestOf, type StartOptions } from './start-options.ts'

type RunOptions = StartOptions & ServeOptions & { command?: string; protocol?: 'ace' | 'exit-code' }

export const define: DefineCommand = (command, cli) => {
  addServeOptions(addStartOptions(command))
    .option('--command <cmd>', "the executor's command line, instead of a workflow file")
    .addOption(
      new Option('--protocol <name>', "how the turn's result is read, with --command").choices(['ace', 'exit-code']),
    )
    .addHelpText(
      'after',
      `
Ctrl-C stops the session cleanly; a second one ends it at once.

Examples:
  swarmtrail run "Fix the login test"
  swarmtrail run "Update the changelog" --command 'my-agent "$ACE_RUNTIME_TASK"' --protocol exit-code`,
    )
    .action((task: string, options: RunOptions) => run(cli, task, options))
}

async function run(cli: Cli, task: string, options: RunOptions): Promise<void> {
  const { workflow, source, leaseTtlMs } = options
  if (options.protocol !== undefined && options.command === undefined)
    throw new CliError('invalid_argument', '--protocol is for --command; a workflow file has it in executor.protocol')
  const command = commandOf(options)
  await loadWorkflow(cli.terminal, { workflow, source, command })
  const { createRunner } = await import('../create-runner.ts')
  const swarm = await cli.swarm()
  const corrupt = new AbortController()
  const onEnd = (_: SessionId, end: InterpreterEnd) => {
    if (end.kind === 'corrupt') corrupt.abort(end.error)
  }
  const runner = await createRunner({
    swarm,
    only: [],
    capacity: 1,
    workflow,
    command,
    sourceDir: resolve(source ?? '.'),
    leaseTtlMs,
    hooks: { onEnd },
  })
  const result = await runner.run(startRequestOf(task, options))
  if (!result.ok) await runner.close()
  await serve(cli, swarm, runner, accepted(result, options.sessionId ?? ''), corrupt.signal)
}

type Started = { sessionId: SessionId; position: Position }

async function serve(
  cli: Cli,
  swarm: ConnectedSwarm,
  runner: RunningRunner,
  { sessionId, position }: Started,
  corrupt: AbortSignal,
): Promise<void> {
  const giveBack = cli.interrupts.take(stopOnInterrupt(cli, swarm, runner, sessionId))
  try {
    // The start event lies at this position, and a reader begins behind the one it names.
    const events = swarm.events({ sessionId, from: position - 1, until: 'closed', signal: corrupt })
    await follow(cli.terminal, sessionId, events)
  } finally {
    await runner.close()
    giveBack()
  }
  corrupt.throwIfAborted()
  await conclude(cli, swarm, sessionId)
}

async function follow(terminal: Terminal, sessionId: SessionId, events: AsyncIterable<RecordedEvent>): Promise<void> {
  const { phaseAfter } = await import('../projections/phase.ts')
  let lifecycle: ReturnType<typeof phaseAfter> = null
  const now = Date.now()
  let progress: Progress = {
    sessionId,
    phase: 'queued',
    turn: 0,
    maxTurns: null,
    startedMs: now,
    lastActivityMs: now,
  }
  const status = liveStatus(terminal, () => progress)
  try {
    for await (const event of events) {
      lifecycle = phaseAfter(lifecycle, event)
      progress = progressAfter(progress, event, lifecycle?.phase ?? 'queued')
      await show(terminal, event)
      status.draw()
    }
  } finally {
    status.end()
  }
}

/** Progress is what the status line is for; as lines it would only be noise. */
async function show(terminal: Terminal, event: RecordedEvent): Promise<void> {
  if (terminal.json) return terminal.value(event)
  if (event.type === 'turn.progressed' || event.type === 'turn.spawned') return
  await terminal.line(eventLine(event, { colours: terminal.colours, withSession: false }))
}

async function conclude(cli: Cli, swarm: ConnectedSwarm, sessionId: SessionId): Promise<void> {
  const { terminal } = cli
  const record = await swarm.get(sessionId)
  if (record === null) throw new Error(`session ${sessionId} is closed but has no record`)
  if (terminal.json) await terminal.value({ result: record })
  else {
    const lines = outcomeText(record, await factsOf(swarm, sessionId), terminal.colours)
    for (const line of lines) await terminal.line(line)
  }
  cli.exitWith(statusOfOutcome(record.outcome))
}

function commandOf({ command, protocol }: RunOptions): { command: string; protocol?: 'ace' | 'exit-code' } | undefined {
  return command === undefined ? undefined : { command, protocol }
}
