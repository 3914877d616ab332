/** The port `Workflows` on files: finds, reads and checks the workflow anew for each session. */
import { createHash } from 'node:crypto'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { SwarmError } from '../../runtime/errors.ts'
import type { Workflow, Workflows } from '../../runtime/ports.ts'
import { locateWorkflow } from './locate-workflow.ts'
import { parseWorkflow } from './parse-workflow.ts'
import { renderTemplate } from './template.ts'
import { workflowWithCommand, type Command } from './with-command.ts'

export type FileWorkflowsOptions = {
  /** This file and no other; relative to the working directory. */
  workflowPath?: string
  /** Where a workflow file is looked for when none is named. */
  sourceDir: string
  /** Instead of a workflow file: then no file is read. */
  command?: Command
}

/** Throws `invalid_argument` when both a command and a workflow file are given. */
export function fileWorkflows(options: FileWorkflowsOptions): Workflows {
  if (options.command !== undefined && options.workflowPath !== undefined) {
    throw new SwarmError(
      'invalid_argument',
      '--command is instead of a workflow file: give either --command or --workflow',
    )
  }
  let last: Workflow | null = null
  return {
    load: async () => {
      const sourceDir = resolve(options.sourceDir)
      if (options.command !== undefined) return workflowWithCommand(options.command, sourceDir, sha256)
      last = unattendedOnly(await readWorkflow(options, last))
      return last
    },
    render: renderTemplate,
    resolvePath: (workflow, path) => resolve(workflow.directory, expandHome(path)),
  }
}

/** The file is read each time, and checked again when it is not what it was: sessions of one text share its config. */
async function readWorkflow(options: FileWorkflowsOptions, last: Workflow | null): Promise<Workflow> {
  const { path, text } = await locateWorkflow(options)
  const digest = sha256(text)
  if (last?.path === path && last.digest === digest) return last
  return { ...parseWorkflow(text, path), path, digest, directory: dirname(path) }
}

function unattendedOnly(workflow: Workflow): Workflow {
  if (workflow.config.runtime.mode === 'unattended') return workflow
  throw new SwarmError(
    'not_unattended',
    `${workflow.path}: runtime.mode is ${workflow.config.runtime.mode}; only unattended may run sessions`,
    { details: { path: workflow.path } },
  )
}

function expandHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex')
}
