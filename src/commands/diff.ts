import { capturedWork, type Captured } from './captured.ts'
import type { Cli, DefineCommand } from './command.ts'

export const define: DefineCommand = (command, cli) => {
  command
    .argument('<id>', 'the session')
    .addHelpText(
      'after',
      `
Prints the captured patch byte for byte; nothing when nothing changed.

Example:
  swarmtrail diff S1 | git apply --3way`,
    )
    .action((id: string) => diff(cli, id))
}

async function diff(cli: Cli, id: string): Promise<void> {
  const { terminal } = cli
  const captured = await capturedWork(await cli.swarm(), id)
  if (terminal.json) return terminal.value(diffObject(id, captured))
  if (captured.content.length === 0) terminal.note('nothing changed')
  else await terminal.write(captured.content)
}

function diffObject(id: string, { capture, content }: Captured) {
  const text = capture.patch === null ? null : textOf(content)
  return {
    session_id: id,
    format: capture.format,
    base_commit: capture.base_commit,
    head_commit: capture.head_commit,
    files: capture.files,
    patch: capture.patch === null ? null : (text ?? Buffer.from(content).toString('base64')),
    encoding: capture.patch === null ? null : text === null ? 'base64' : 'utf8',
  }
}

/** Null when the bytes are no text, e.g. an archive or a patch of files in another encoding. */
function textOf(content: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content)
  } catch (error) {
    if (error instanceof TypeError) return null
    throw error
  }
}
