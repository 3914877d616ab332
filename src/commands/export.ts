import { join, resolve } from 'node:path'
import { oneLine } from '../adapters/cli/printable.ts'
import { CliError } from '../adapters/cli/report-error.ts'
import type { Cli, DefineCommand } from './command.ts'
import { refuseNoParent, refuseOther } from './directories.ts'

type ExportOptions = { all?: boolean; artifacts?: boolean; framed?: boolean; out?: string; follow?: boolean }

/** What makes `export ace` another thing than the export of a session. */
const ACE = 'ace'

export const define: DefineCommand = (command, cli) => {
  command
    .argument('[ids...]', "sessions; or 'ace': the files that ACE's tools read")
    .option('--all', 'every session')
    .option('--artifacts', 'append prompts, outputs, patches and whatever else the events name')
    .option('--framed', 'add a first line that says what it is and a last one that counts; with --artifacts always')
    .option('--out <path>', 'write to this file instead of standard output; of ace: the directory')
    .option('--follow', 'of ace: keep the files current until Ctrl-C')
    .addHelpText(
      'after',
      `
Prints trails as JSON Lines in log order: one event a line, as stored, with its position added. Messages in the log that
are no events are left out and told on standard error. What is framed, as whatever holds artifacts is, shows to verify
and import when something was cut off.

--out: a file is written as a whole or not at all; the directory it lies in must exist. The directory of ace is made
when it is missing, its parent is not. With --json, what is printed are the files that were written.

Examples:
  swarmtrail export S1
  swarmtrail export --all --artifacts --out trails.jsonl
  swarmtrail export ace --out . --follow`,
    )
    .action((ids: string[], options: ExportOptions) => (ids[0] === ACE ? exportAce : exportTrails)(cli, ids, options))
}

async function exportTrails(cli: Cli, ids: readonly string[], options: ExportOptions): Promise<void> {
  if ((ids.length === 0) === (options.all !== true))
    throw new CliError('invalid_argument', 'give the ids of sessions, or --all')
  if (options.follow) throw new CliError('invalid_argument', "--follow is for 'export ace'; see swarmtrail watch")
  if (options.out !== undefined) await refuseNoParent('--out', options.out)
  const { terminal } = cli
  const { exportTrails: linesOf } = await import('../history.ts')
  const lines = linesOf(await cli.swarm(), {
    sessionIds: options.all ? undefined : ids,
    artifacts: options.artifacts,
    framed: options.artifacts || options.framed,
    onParked: ({ position, subject, code, reason }) =>
      terminal.note(oneLine(`left out: position ${position} on ${subject}: ${code}: ${reason}`)),
    onGone: (_, why) => terminal.note(`exported without its content: ${why}`),
  })
  if (options.out !== undefined) {
    const { writeLines } = await import('../adapters/files/write-file.ts')
    await writeLines(options.out, lines)
    if (terminal.json) await terminal.value({ files: [resolve(options.out)] })
    return
  }
  for await (const line of lines) {
    if (terminal.closed.aborted) return
    await terminal.line(line)
  }
}

async function exportAce(cli: Cli, ids: readonly string[], options: ExportOptions): Promise<void> {
  if (ids.length > 1 || options.all || options.artifacts || options.framed)
    throw new CliError('invalid_argument', "'export ace' is of all sessions and takes --out and --follow only")
  const { out, follow } = options
  if (out === undefined) throw new CliError('invalid_argument', "'export ace' needs --out DIRECTORY")
  await refuseOther('--out', out)
  await refuseNoParent('--out', out)
  const [{ exportAce: once, followAce }, { writeBelow }] = await Promise.all([
    import('../runtime/transfer/export-ace.ts'),
    import('../adapters/files/write-file.ts'),
  ])
  const { terminal } = cli
  const { ports } = await cli.swarm()
  const files: string[] = []
  const write = async (path: string, text: string) => {
    await writeBelow(out, path, text)
    files.push(resolve(out, path))
    terminal.note(`${join(out, path)} written`)
  }
  const tell = () => terminal.value({ files: files.splice(0) })
  if (!follow) {
    await once(ports, write)
    if (terminal.json) await tell()
    return
  }
  const ended = new AbortController()
  const giveBack = cli.interrupts.take(() => ended.abort())
  const writeAndTell = async (path: string, text: string) => {
    await write(path, text)
    if (terminal.json) await tell()
  }
  await followAce(ports, writeAndTell, AbortSignal.any([ended.signal, terminal.closed]))
  giveBack()
}
