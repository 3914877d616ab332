/** What the commands to sessions print. */
import { oneLine } from '../adapters/cli/printable.ts'
import type { CommandResult } from '../runtime/swarm.ts'
import type { Cli } from './command.ts'
import { accepted } from './refusals.ts'

export async function tellAccepted(
  { terminal }: Cli,
  result: CommandResult,
  { id, words }: { id: string; words: string },
): Promise<void> {
  const { position } = accepted(result, id)
  if (terminal.json) await terminal.value({ ok: true, position })
  else await terminal.line(`${oneLine(words)} (position ${position})`)
}
