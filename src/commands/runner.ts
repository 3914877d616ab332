import { resolve } from 'node:path'
import { eventLine } from '../adapters/cli/event-line.ts'
import type { Interrupt, Interrupts } from '../adapters/cli/interrupts.ts'
import type { Terminal } from '../adapters/cli/terminal.ts'
import type { RunnerHooks } from '../runtime/runner.ts'
import { countWords } from '../words/amounts.ts'
import type { Cli, DefineCommand } from './command.ts'
import { wholeNumber } from './option-values.ts'
import { addServeOptions, loadWorkflow, type ServeOptions } from './serve-options.ts'

type RunnerOptions = ServeOptions & { capacity?: number; drainMs?: number; source?: string }

/** What is told for people; `--json` tells every event. */
const TOLD = new Set(['session.claimed', 'session.completed', 'session.failed', 'session.blocked', 'session.stopped'])

export const define: DefineCommand = (command, cli) => {
  addServeOptions(command)
    .option('--capacity <n>', 'sessions at a time (default: number of cores)', wholeNumber)
    .option('--drain-ms <n>', 'how long turns may go on after SIGTERM (default: 30000)', wholeNumber)
    .option('--source <dir>', 'source of sessions that name none (default: the working directory)')
    .addHelpText(
      'after',
      `
SIGTERM or Ctrl-C drains: nothing new is taken, turns may finish for a while, the rest is handed back. A second one
ends at once.

Example:
  swarmtrail runner --capacity 4`,
    )
    .action((options: RunnerOptions) => serve(cli, options))
}

async function serve(cli: Cli, { workflow, source, ...options }: RunnerOptions): Promise<void> {
  const { terminal } = cli
  const loaded = await loadWorkflow(terminal, { workflow, source })
  const { createRunner } = await import('../create-runner.ts')
  const swarm = await cli.swarm()
  const interrupted = firstInterrupt(cli.interrupts)
  const runner = await createRunner({
    swarm,
    workflow,
    sourceDir: resolve(source ?? '.'),
    capacity: options.capacity,
    leaseTtlMs: options.leaseTtlMs,
    drainMs: options.drainMs,
    hooks: hooksFor(terminal),
  })
  terminal.note(`runner ${runner.runnerId} serves namespace ${swarm.namespace} by ${loaded.path}`)
  await interrupted
  const giveBack = cli.interrupts.take(({ signal }) => void cli.endAtOnce(signal, () => runner.kill()))
  terminal.note(`draining ${countWords(runner.active, 'session')}; a second signal ends at once`)
  await runner.close()
  giveBack()
}

function firstInterrupt(interrupts: Interrupts): Promise<Interrupt> {
  return new Promise((resolve) => interrupts.take(resolve))
}

function hooksFor(terminal: Terminal): RunnerHooks {
  return {
    onEvent: (event, position) => {
      const recorded = { ...event, position }
      if (terminal.json) void terminal.value(recorded)
      else if (TOLD.has(event.type))
        void terminal.line(eventLine(recorded, { colours: terminal.colours, withSession: true }))
    },
    onEnd: (sessionId, end) => {
      if (end.kind === 'handed_back') terminal.note(`session ${sessionId} is handed back`)
      if (end.kind === 'lost')
        terminal.note(`warning: session ${sessionId} is not this runner's any more: ${end.reason}`)
      if (end.kind === 'corrupt') terminal.note(`warning: session ${sessionId} can't be served: ${end.error.message}`)
    },
  }
}
