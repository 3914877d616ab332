/** The options of commands that serve sessions: `run` and `runner`. */
import type { Command } from 'commander'
import { oneLine } from '../adapters/cli/printable.ts'
import type { Terminal } from '../adapters/cli/terminal.ts'
import type { Workflow } from '../runtime/ports.ts'
import { refuseNoDirectory } from './directories.ts'
import { wholeNumber } from './option-values.ts'

export type ServeOptions = { workflow?: string; leaseTtlMs?: number }

export function addServeOptions(command: Command): Command {
  return command
    .option('--workflow <file>', 'the workflow file (default: looked up in the source directory)')
    .option('--lease-ttl-ms <n>', 'how long this runner may be silent before another takes over', wholeNumber)
}

type Given = { workflow?: string; source?: string; command?: { command: string; protocol?: 'ace' | 'exit-code' } }

/** Reads the workflow before anything is started, so that its errors leave nothing behind. Its warnings are told. */
export async function loadWorkflow(terminal: Terminal, { workflow, source, command }: Given): Promise<Workflow> {
  if (source !== undefined) await refuseNoDirectory('--source', source)
  const { fileWorkflows } = await import('../adapters/workflow/file-workflows.ts')
  const loaded = await fileWorkflows({ workflowPath: workflow, command, sourceDir: source ?? '.' }).load()
  for (const warning of loaded.warnings) terminal.note(oneLine(`warning: ${loaded.path}: ${warning}`))
  return loaded
}
