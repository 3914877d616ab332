import { writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { makeDirectory } from '../adapters/files/make-directory.ts'
import { CliError } from '../adapters/cli/report-error.ts'
import type { DefineCommand } from './command.ts'
import { refuseNoDirectory } from './directories.ts'

const PLACE = join('agent-state', 'ACE_WORKFLOW.md')

export const define: DefineCommand = (command, cli) => {
  command
    .option('--force', 'overwrite the file if there is one')
    .option('--source <dir>', 'where to write it; must exist', '.')
    .addHelpText('after', '\nExample:\n  swarmtrail init && $EDITOR agent-state/ACE_WORKFLOW.md')
    .action(async ({ force = false, source }: { force?: boolean; source: string }) => {
      await refuseNoDirectory('--source', source)
      const path = resolve(source, PLACE)
      const { commentedWorkflow } = await import('../adapters/workflow/commented-workflow.ts')
      await write(path, commentedWorkflow(), force)
      if (cli.terminal.json) await cli.terminal.value({ path })
      else await cli.terminal.line(`wrote ${path}: put your agent's command into executor.command`)
    })
}

async function write(path: string, text: string, force: boolean): Promise<void> {
  try {
    await makeDirectory(dirname(path))
    await writeFile(path, text, { flag: force ? 'w' : 'wx' })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'EEXIST') throw new CliError('file_exists', `${path} exists; --force overwrites it`, { path })
    throw new CliError(
      'file_not_written',
      `${path} can't be written: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}
