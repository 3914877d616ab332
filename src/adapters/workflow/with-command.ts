/** The workflow of a session that was given a command line instead of a workflow file. */
import canonicalize from 'canonicalize'
import type { Workflow } from '../../runtime/ports.ts'
import { SwarmError } from '../../runtime/errors.ts'
import { checkConfig } from './parse-workflow.ts'

export type Command = { command: string; protocol?: 'ace' | 'exit-code' }

/** All defaults but the executor; the digest is that of the executor's canonical JSON. Throws `invalid_argument`. */
export function workflowWithCommand(given: Command, sourceDir: string, sha256: (text: string) => string): Workflow {
  if (given.command.trim() === '') throw new SwarmError('invalid_argument', '--command: expected a non-blank string')
  const executor = { command: given.command, protocol: given.protocol ?? 'ace' }
  const { config, warnings } = checkConfig({ executor }, '--command')
  return {
    config,
    template: '',
    path: null,
    digest: sha256(canonicalize({ executor }) ?? ''),
    warnings,
    directory: sourceDir,
  }
}
