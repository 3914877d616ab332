import { writeFile } from 'node:fs/promises'
import { oneLine } from '../adapters/cli/printable.ts'
import { CliError } from '../adapters/cli/report-error.ts'
import { storyLines } from '../projections/story-lines.ts'
import type { Audit } from '../runtime/audit.ts'
import { messageOf } from '../runtime/errors.ts'
import type { Cli, DefineCommand } from './command.ts'
import { refuseNoParent } from './directories.ts'

export const define: DefineCommand = (command, cli) => {
  command
    .argument('<id>', 'the session')
    .option('--html <file>', 'write one self-contained page with the timeline drawn, into an existing directory')
    .addHelpText('after', '\nExample:\n  swarmtrail audit S1 --html S1.html')
    .action((id: string, options: { html?: string }) => audit(cli, id, options))
}

async function audit(cli: Cli, id: string, { html }: { html?: string }): Promise<void> {
  if (html !== undefined) await refuseNoParent('--html', html)
  const { terminal } = cli
  const { readAudit } = await import('../history.ts')
  const found = await readAudit(await cli.swarm(), id)
  if (html !== undefined) await writePage(cli, found, html)
  if (terminal.json) return terminal.value(auditObject(found, html))
  if (html !== undefined) return terminal.note(`wrote ${html}`)
  for (const line of [...storyLines(found.story), ...recordLines(found)]) await terminal.line(line)
}

async function writePage(cli: Cli, found: Audit, path: string): Promise<void> {
  const { auditPage } = await import('../history.ts')
  const page = await auditPage(await cli.swarm(), found)
  try {
    await writeFile(path, page)
  } catch (error) {
    throw new CliError('invalid_argument', `--html ${path}: can't be written: ${messageOf(error)}`)
  }
}

function auditObject({ story, path, parked, soundness }: Audit, html: string | undefined) {
  return { ...story, path, parked, soundness, ...(html === undefined ? {} : { html }) }
}

function recordLines({ parked, soundness: { ok, bad } }: Audit): string[] {
  return [
    ...parked.map(({ position, code, reason }) => oneLine(`parked at position ${position}: ${code}: ${reason}`)),
    ok ? 'hashes, order and transitions are sound' : oneLine(`NOT SOUND at position ${bad?.position}: ${bad?.reason}`),
  ]
}
