/** The command line as a whole: global options, commands loaded when they are used, errors and exit statuses. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command, CommanderError, Option } from 'commander'
import { EXIT, statusOfSignal } from '../adapters/cli/exit-status.ts'
import { createInterrupts, type Interrupt } from '../adapters/cli/interrupts.ts'
import { oneLine } from '../adapters/cli/printable.ts'
import { CliError, reportError } from '../adapters/cli/report-error.ts'
import { createTerminal, type Terminal } from '../adapters/cli/terminal.ts'
import type { ConnectedSwarm } from '../connect.ts'
import { messageOf } from '../runtime/errors.ts'
import type { Cli, GlobalOptions } from './command.ts'
import { openSwarm } from './open-swarm.ts'
import { wholeNumber } from './option-values.ts'
import { COMMANDS } from './registry.ts'

/** Longest time that ending at once may take: processes get 2 s to end after SIGTERM. */
const END_MS_MAX = 5_000

const EXIT_NOTES = `
Exit statuses: 0 completed or done, 1 failed, 2 usage or configuration, 3 blocked, 4 stopped, 5 not found,
69 the log can't be reached, 124 timed out waiting. swarmtrail COMMAND --help tells more about each command.`

/** Runs one command line and returns its exit status; whatever was opened is closed again. Never throws. */
export async function runProgram(args: readonly string[]): Promise<number> {
  const terminal = createTerminal({ json: asksForJson(args) })
  const program = createProgram(terminal)
  const cli = createCli(terminal, program)
  defineCommands(program, cli)
  let status: number
  try {
    await program.parseAsync(helpAsOption(args), { from: 'user' })
    status = cli.status
  } catch (error) {
    // Work that is cut short by the end of the process fails; that says nothing.
    status = await (cli.ending() ?? statusOfError(terminal, error))
  }
  try {
    await cli.close()
  } catch (error) {
    status = await reportError(terminal, error)
  }
  return cli.ending() ?? status
}

function createProgram(terminal: Terminal): Command {
  const version = readVersion()
  return new Command('swarmtrail')
    .description('Runs unattended coding-agent sessions and never loses track of one.')
    .version(terminal.json ? JSON.stringify({ version }) : version, '--version', 'print the version')
    .helpOption('-h, --help', 'print what a command does and takes')
    .helpCommand(false)
    .addOption(new Option('--json', 'print JSON on standard output, and nothing else there'))
    .addOption(new Option('--namespace <name>', 'whose sessions (default: default)').env('SWARMTRAIL_NAMESPACE'))
    .addOption(
      new Option('--dir <path>', "the embedded server's directory (default: .swarmtrail)").env('SWARMTRAIL_DIR'),
    )
    .addOption(new Option('--nats <url>', 'use this NATS server or cluster, no embedded one').env('NATS_URL'))
    .addOption(new Option('--creds <file>', 'NATS credentials file'))
    .addOption(new Option('--inbox-prefix <prefix>', 'where replies arrive').env('NATS_INBOX_PREFIX'))
    .addOption(new Option('--replicas <n>', 'copies of everything stored, on a cluster').argParser(wholeNumber))
    .addHelpText('after', EXIT_NOTES)
    .configureHelp({ showGlobalOptions: true, helpWidth: terminal.columns })
    .configureOutput({ outputError: () => undefined })
    .exitOverride()
}

/** A command's own options are added when it is called, so that nothing else has to be loaded. */
function defineCommands(program: Command, cli: Cli): void {
  for (const [name, { summary }] of Object.entries(COMMANDS)) program.command(name).description(summary)
  program.hook('preSubcommand', async (_, command) => {
    const registered = COMMANDS[command.name()]
    if (registered !== undefined) (await registered.load())(command, cli)
  })
}

type OwnCli = Cli & { close(): Promise<void>; readonly status: number; ending(): Promise<never> | null }

function createCli(terminal: Terminal, program: Command): OwnCli {
  let opened: Promise<ConnectedSwarm> | null = null
  let status: number = EXIT.ok
  let ending: Promise<never> | null = null
  const options = () => givenOptions(program)
  const dir = () => resolve(options().dir ?? '.swarmtrail')
  const close = async () => {
    // Where opening failed, the command that asked for it has reported why.
    const [result] = await Promise.allSettled([opened])
    opened = null
    if (result.status === 'fulfilled') await result.value?.close()
  }
  const end = async (signal: Interrupt['signal'], work: () => Promise<void>): Promise<never> => {
    setTimeout(() => process.exit(statusOfSignal(signal)), END_MS_MAX)
    terminal.status(null)
    try {
      await work()
      await close()
    } catch (error) {
      terminal.note(oneLine(`warning: ${messageOf(error)}`))
    }
    process.exit(statusOfSignal(signal))
  }
  const endAtOnce: Cli['endAtOnce'] = (signal, work = async () => undefined) => (ending ??= end(signal, work))
  return {
    terminal,
    interrupts: createInterrupts(({ signal }) => void endAtOnce(signal)),
    options,
    dir,
    swarm: () => (opened ??= openSwarm(terminal, options(), dir())),
    close,
    endAtOnce,
    ending: () => ending,
    exitWith: (given) => {
      status = given
    },
    get status() {
      return status
    },
  }
}

/** An empty variable of the environment counts as not set. */
function givenOptions(program: Command): GlobalOptions {
  return Object.fromEntries(Object.entries(program.opts()).filter(([, value]) => value !== ''))
}

async function statusOfError(terminal: Terminal, error: unknown): Promise<number> {
  if (!(error instanceof CommanderError)) return reportError(terminal, error)
  if (error.exitCode === 0) return EXIT.ok
  // Help that was not asked for has been printed already, on standard error.
  if (error.code === 'commander.help') return terminal.json ? reportError(terminal, noCommand()) : EXIT.usage
  const message = error.message.replace(/^error: /, '').replace(/\n\((.*)\)$/s, '; $1')
  return reportError(terminal, new CliError('invalid_argument', `${message}; swarmtrail --help tells how to use it`))
}

function noCommand(): CliError {
  return new CliError('invalid_argument', 'a command is missing; swarmtrail --help tells which there are')
}

function asksForJson(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  return (end === -1 ? args : args.slice(0, end)).includes('--json')
}

/** `help run` means `run --help`. */
function helpAsOption(args: readonly string[]): string[] {
  return args[0] === 'help' ? [...args.slice(1), '--help'] : [...args]
}

function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
