/** What the commands to sessions print. */
import { oneLine } from '../adapters/cli/printable.ts'
import { CliError } from '../adapters/cli/report-error.ts'
import type { CommandResult } from '../runtime/requests.ts'
import type { Cli } from './command.ts'
import { accepted } from './refusals.ts'

/** The session that a post belongs to. Throws `invalid_argument` for what is no name of a post. */
export function sessionOfPost(post: string): string {
  const dot = post.indexOf('.')
  if (dot > 0) return post.slice(0, dot)
  const message = `post ${JSON.stringify(post)}: expected SESSION.EVENT, as swarmtrail watch --type post.held names it`
  throw new CliError('invalid_argument', message)
}

export async function tellAccepted(
  { terminal }: Cli,
  result: CommandResult,
  { id, words }: { id: string; words: string },
): Promise<void> {
  const { position } = accepted(result, id)
  if (terminal.json) await terminal.value({ ok: true, position })
  else await terminal.line(`${oneLine(words)} (position ${position})`)
}
