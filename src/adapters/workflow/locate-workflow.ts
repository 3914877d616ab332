/** Finds and reads the workflow file. */
import { open, type FileHandle } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { messageOf, SwarmError } from '../../runtime/errors.ts'
import { workflowTextMaxBytes } from './parse-workflow.ts'

/** Where a workflow file is looked for in the source directory, in this order. */
export const WORKFLOW_PLACES = ['agent-state/ACE_WORKFLOW.md', 'ACE_WORKFLOW.md', 'WORKFLOW.md'] as const

export type WorkflowText = { path: string; text: string }

/**
 * The named file, else the first that exists of {@link WORKFLOW_PLACES}. One that exists but can't be read is an
 * error, not a reason to go on to the next. Throws `workflow_missing` and `workflow_unreadable`.
 */
export async function locateWorkflow(options: { workflowPath?: string; sourceDir: string }): Promise<WorkflowText> {
  if (options.workflowPath !== undefined) {
    const path = resolve(options.workflowPath)
    const text = await readText(path)
    if (text !== null) return { path, text }
    throw new SwarmError('workflow_missing', `${path} does not exist`, { details: { path } })
  }
  const paths = WORKFLOW_PLACES.map((place) => join(resolve(options.sourceDir), place))
  for (const path of paths) {
    const text = await readText(path)
    if (text !== null) return { path, text }
  }
  throw new SwarmError(
    'workflow_missing',
    `no ${WORKFLOW_PLACES.join(', ')} in ${resolve(options.sourceDir)}; write one with swarmtrail init, or name one with --workflow`,
    { details: { paths } },
  )
}

/** null: there is no such file. */
async function readText(path: string): Promise<string | null> {
  let file: FileHandle | null = null
  try {
    file = await open(path, 'r')
    return await decode(file, path)
  } catch (error) {
    if (isMissing(error)) return null
    if (error instanceof SwarmError) throw error
    throw new SwarmError('workflow_unreadable', `${path}: ${messageOf(error)}`, { details: { path }, cause: error })
  } finally {
    await file?.close()
  }
}

async function decode(file: FileHandle, path: string): Promise<string> {
  const { size } = await file.stat()
  if (size > workflowTextMaxBytes) {
    throw new SwarmError(
      'workflow_invalid',
      `${path}: ${size} bytes of text, at most ${workflowTextMaxBytes} are accepted`,
    )
  }
  // The byte order mark stays in the text, so that its digest is that of the file.
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await file.readFile())
}

function isMissing(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : null
  return code === 'ENOENT' || code === 'ENOTDIR'
}
