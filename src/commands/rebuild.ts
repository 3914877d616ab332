import { countWords } from '../words/amounts.ts'
import { oneLine } from '../adapters/cli/printable.ts'
import { CliError } from '../adapters/cli/report-error.ts'
import type { ConnectedSwarm } from '../connect.ts'
import { INDEXES, VIEW_NAMES } from '../projections/names.ts'
import type { Projection } from '../projections/projection.ts'
import type { Rebuilt } from '../runtime/rebuild.ts'
import type { OnProgress } from '../runtime/verify-history.ts'
import type { Cli, DefineCommand } from './command.ts'
import { progressOf } from './progress.ts'

/** Not views, but kept like them: what the runtime looks up, and the messages that are no events. */
const INDEX_NAMES = Object.values(INDEXES).map(({ name }) => name)
const PARKED = 'parked'

export const define: DefineCommand = (command, cli) => {
  command
    .argument('[views...]', "default: all; 'parked': the messages that are no events, read again")
    .addHelpText(
      'after',
      `
Folds the log from zero, compares with what is stored and puts that right. Readers see whole views all the time.
The indexes open-sessions, recent-sessions and related-sessions, by which sessions are looked up, are kept like views.
'changed' counts stored documents that were not what the log says; one that only waits to be brought up to date is none.

Examples:
  swarmtrail rebuild registry vericify
  swarmtrail rebuild parked`,
    )
    .action((views: string[]) => rebuild(cli, views))
}

async function rebuild(cli: Cli, names: readonly string[]): Promise<void> {
  const { terminal } = cli
  const known: string[] = [...VIEW_NAMES, ...INDEX_NAMES, PARKED]
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined)
    throw new CliError('unknown_view', `no view ${JSON.stringify(unknown)}; there are ${known.join(', ')}`)
  const swarm = await cli.swarm()
  await tellProjector(cli, swarm)
  const views: Rebuilt[] = []
  for (const name of names.length === 0 ? known : new Set(names)) {
    const progress = progressOf(terminal, `rebuilding ${name}`)
    const rebuilt =
      name === PARKED ? await rebuildParked(cli, swarm, progress.tell) : await rebuildNamed(swarm, name, progress.tell)
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

async function rebuildNamed({ ports }: ConnectedSwarm, name: string, tell: OnProgress): Promise<Rebuilt> {
  const { rebuildProjection } = await import('../runtime/rebuild.ts')
  const { indexes, projections } = await import('../projections/catalog.ts')
  const found = [...Object.values(projections), ...Object.values(indexes)].find((one) => one.name === name)
  return rebuildProjection(ports, found as Projection<unknown>, tell)
}

async function rebuildParked({ terminal }: Cli, { ports }: ConnectedSwarm, tell: OnProgress) {
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
