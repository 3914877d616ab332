import { CliError } from '../adapters/cli/report-error.ts'
import { plainText } from '../words/plain-text.ts'
import type { ConnectedSwarm } from '../connect.ts'
import { isViewName, VIEW_NAMES, type ViewName } from '../projections/names.ts'
import type { Cli, DefineCommand } from './command.ts'

export const define: DefineCommand = (command, cli) => {
  command
    .argument('<view>', 'registry, runtime-status, transitions, vericify, status-events, ledger or audits')
    .argument('[key]', "one document: the session's id; of vericify the run ref, of audits SESSION/TURN")
    .option('--at <place>', 'as of a position or a time')
    .addHelpText('after', '\nExample:\n  swarmtrail view runtime-status S1')
    .action((view: string, key: string | undefined, { at }: { at?: string }) => print(cli, view, key, at))
}

async function print(cli: Cli, name: string, key: string | undefined, at: string | undefined): Promise<void> {
  const view = viewNamed(name)
  const swarm = await cli.swarm()
  const result = key === undefined ? await all(swarm, view, at) : await one(swarm, view, key, at)
  if (cli.terminal.json) await cli.terminal.value(result)
  else await cli.terminal.line(plainText(JSON.stringify(result, null, 2)))
}

function viewNamed(name: string): ViewName {
  if (isViewName(name)) return name
  throw new CliError('unknown_view', `no view ${JSON.stringify(name)}; there are ${VIEW_NAMES.join(', ')}`)
}

async function documents(swarm: ConnectedSwarm, view: ViewName, at: string | undefined) {
  return swarm.views(view, at === undefined ? {} : { at: await swarm.positionOf(at) })
}

async function all(swarm: ConnectedSwarm, view: ViewName, at: string | undefined): Promise<unknown[]> {
  const found = await documents(swarm, view, at)
  return found.toSorted((a, b) => a.key.localeCompare(b.key)).map(({ document }) => document)
}

async function one(swarm: ConnectedSwarm, view: ViewName, key: string, at: string | undefined): Promise<unknown> {
  const found =
    at === undefined
      ? await swarm.view(view, key)
      : (await documents(swarm, view, at)).find((document) => document.key === key)
  if (found !== null && found !== undefined) return found.document
  throw new CliError('document_not_found', `the view ${view} has no document ${JSON.stringify(key)}`, { view, key })
}
