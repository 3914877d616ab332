import { resolve } from 'node:path'
import { countWords } from '../words/amounts.ts'
import { changedFilesText } from '../adapters/cli/session-text.ts'
import { capturedWork } from './captured.ts'
import type { Cli, DefineCommand } from './command.ts'

export const define: DefineCommand = (command, cli) => {
  command
    .argument('<id>', 'the session')
    .option('--to <dir>', "apply it here (default: the session's source)")
    .addHelpText(
      'after',
      `
All or nothing: work that does not apply changes nothing.

Example:
  swarmtrail apply S1`,
    )
    .action((id: string, { to }: { to?: string }) => apply(cli, id, to))
}

async function apply(cli: Cli, id: string, to: string | undefined): Promise<void> {
  const { terminal } = cli
  const { gitWorkspaces } = await import('../adapters/workspace/git-workspaces.ts')
  const { capture, workspace, content } = await capturedWork(await cli.swarm(), id)
  const target = to === undefined ? workspace.source_path : resolve(to)
  await gitWorkspaces().apply(capture, content, target)
  if (terminal.json) return terminal.value({ session_id: id, applied_to: target, files: capture.files })
  for (const line of changedFilesText(capture)) await terminal.line(line)
  await terminal.line(`${countWords(capture.files.length, 'file')} changed in ${target}`)
}
