/** What a command of the command line is made of. Its file is loaded only when it is used. */
import type { Command } from 'commander'
import type { Interrupt, Interrupts } from '../adapters/cli/interrupts.ts'
import type { Terminal } from '../adapters/cli/terminal.ts'
import type { ConnectedSwarm } from '../connect.ts'

export type GlobalOptions = {
  json?: boolean
  namespace?: string
  dir?: string
  nats?: string
  creds?: string
  inboxPrefix?: string
  replicas?: number
}

/** What a running command works with. */
export type Cli = {
  readonly terminal: Terminal
  readonly interrupts: Interrupts
  readonly options: () => GlobalOptions
  /** Absolute path of the `.swarmtrail` directory. */
  readonly dir: () => string
  /** Connected once; closed when the command ends, however it ends. */
  swarm(): Promise<ConnectedSwarm>
  /** Ends the process by a signal, after the given work and the closing of the swarm, which get a few seconds. */
  endAtOnce(signal: Interrupt['signal'], work?: () => Promise<void>): Promise<never>
  /** Sets the exit status of a command that did its work, e.g. by the outcome of a session. */
  exitWith(status: number): void
}

/**
 * Adds arguments, options and the action. Loading the file must stay cheap, since `--help` does it too: whatever needs
 * the runtime is imported inside the action.
 */
export type DefineCommand = (command: Command, cli: Cli) => void
