import { countWords } from '../words/amounts.ts'
import { oneLine } from '../adapters/cli/printable.ts'
import { CliError } from '../adapters/cli/report-error.ts'
import type { ConnectedSwarm } from '../connect.ts'
import { isViewName, VIEW_NAMES } from '../projections/names.ts'
import type { Rebuilt } from '../runtime/rebuild.ts'
import type { Cli, DefineCommand } from './command.ts'
import { progressOf } from './progress.ts'

/** Not a view, but kept like one: the messages that are no events. */
const PARKED = 'parked'

export const define: DefineCommand = (command, cli) => {
  command
    .argument('[views...]', "default: all; 'parked': the messages that are no events, read again")
    .addHelpText(
      'after',
      `
Folds the log from zero, compares with what is stored and puts that right. Readers see whole views all the time.
'changed' counts stored documents that were not what the log says; one that only waits to be brought up to date is none.

Examples:
  swarmtrail rebuild registry vericify
  swarmtrail rebuild parked`,
    )
    .action((views: string[]) => rebuild(cli, views))
}

async function rebuild(cli: Cli, names: readonly string[]): Promise<void> {
  const { terminal } = cli
  const known = [...VIEW_NAMES, PARKED]
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined)
    throw new CliError('unknown_view', `no view ${JSON.stringify(unknown)}; there are ${known.join(', ')}`)
  const swarm = await cli.swarm()
  await tellProjector(cli, swarm)
  const { rebuildView } = await import('../history.ts')
  const views: Rebuilt[] = []
  for (const name of names.length === 0 ? known : new Set(names)) {
    const progress = progressOf(terminal, `rebuilding ${name}`)
    const rebuilt = isViewName(name)
      ? await rebuildView(swarm, name, { onProgress: progress.tell })
      : await rebuildParked(cli, swarm, progress.tell)
    progress.end()
    views.push(rebuilt)
    if (!terminal.json) await terminal.line(lineOf(rebuilt))
  }
  if (terminal.json) await terminal.value({ views })
}

/** A projector goes on from the documents that it has in memory, whatever is stored. */
async function tellProjector({ terminal }: Cli, { ports }: ConnectedSwarm): Promise<void> {
  const { PROJECTOR_LEASE } = await import('../runtime/projector.ts')
  const holder = await ports.leases.holder(PROJECTOR_LEASE)
  if (holder === null) return
  terminal.note(
    `runner ${holder.runnerId} keeps the views current; should it have read a wrong document, rebuild after it ended`,
  )
}

async function rebuildParked({ terminal }: Cli, { ports }: ConnectedSwarm, tell: (done: number, of: number) => void) {
  const { rebuildParked: readAgain } = await import('../runtime/rebuild-parked.ts')
  const { rebuilt, parked } = await readAgain(ports, tell)
  for (const { position, subject, code, reason } of parked)
    terminal.note(oneLine(`parked: position ${position} on ${subject}: ${code}: ${reason}`))
  return rebuilt
}

function lineOf({ view, events, documents, changed, duration_ms }: Rebuilt): string {
  const differed =
    changed === 0 ? 'nothing differed' : `${changed} DIFFERED and ${changed === 1 ? 'is' : 'are'} put right`
  return `${view}: ${countWords(events, 'event')}, ${countWords(documents, 'document')}, ${differed} (${duration_ms} ms)`
}
