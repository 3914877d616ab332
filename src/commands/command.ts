/** What a command of the command line is made of. Its file is loaded only when it is used. */
import type { Command } from 'commander'
import type { Interrupts } from '../adapters/cli/interrupts.ts'
import type { Terminal } from '../adapters/cli/terminal.ts'
import type { ConnectedSwarm } from '../connect.ts'

export type GlobalOptions = {
  json?: boolean
  namespace?: string
  dir?: string
  nats?: string
  creds?: string
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
  close(): Promise<void>
  /** Sets the exit status of a command that did its work, e.g. by the outcome of a session. */
  exitWith(status: number): void
}

/**
 * Adds arguments, options and the action. Loading the file must stay cheap, since `--help` does it too: whatever needs
 * the runtime is imported inside the action.
 */
export type DefineCommand = (command: Command, cli: Cli) => void
