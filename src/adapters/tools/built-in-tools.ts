/** The built-in tools, confined to the workspace, each within limits of time and output. */
import { realpath } from 'node:fs/promises'
import { z } from 'zod'
import { messageOf } from '../../runtime/errors.ts'
import type { Shell, ToolDescription, ToolOutcome, ToolRun, Tools } from '../../runtime/ports.ts'
import { explained } from './confined-path.ts'
import { replaceInFile, writeFile } from './edit-tools.ts'
import { listFiles, searchText } from './find-tools.ts'
import { gitDiff, gitStatus } from './git-tools.ts'
import { readFileLines } from './read-file-lines.ts'
import { runCommand } from './run-command.ts'
import { type Tool, ToolFault } from './tool.ts'

export function builtInTools({ shell }: { shell: Shell }): Tools {
  const tools = [readFileLines, listFiles, searchText, writeFile, replaceInFile, gitStatus, gitDiff, runCommand(shell)]
  const byName = new Map<string, Tool>(tools.map((tool) => [tool.name, tool]))
  return {
    descriptions: tools.map(describe),
    async run(options) {
      const tool = byName.get(options.name)
      if (tool === undefined) return refused(new ToolFault('unknown_tool', `there is no tool named ${options.name}`))
      return runWithin(tool, options)
    },
  }
}

function describe(tool: Tool): ToolDescription {
  const { name, description, cost_class, needs } = tool
  return { name, description, cost_class, needs, input_schema: z.toJSONSchema(tool.input, { io: 'input' }) }
}

/** The outcome comes when the time is over, even if the system still keeps a file operation waiting. */
async function runWithin(tool: Tool, options: ToolRun): Promise<ToolOutcome> {
  const ending = new AbortController()
  const onAbort = () => ending.abort(new ToolFault('aborted', 'the session ended the tool'))
  const onTimeout = () => ending.abort(new ToolFault('timed_out', `the tool took longer than ${tool.timeoutMs} ms`))
  options.signal.addEventListener('abort', onAbort)
  if (options.signal.aborted) onAbort()
  const timer = tool.timeoutMs === null ? undefined : setTimeout(onTimeout, tool.timeoutMs)
  try {
    const ended = whenAborted(ending.signal)
    return { ok: true, output: await Promise.race([ended, runIn(tool, options, ending.signal)]) }
  } catch (error) {
    return refused(ending.signal.aborted ? ending.signal.reason : error)
  } finally {
    clearTimeout(timer)
    options.signal.removeEventListener('abort', onAbort)
  }
}

async function runIn(tool: Tool, options: ToolRun, signal: AbortSignal): Promise<unknown> {
  signal.throwIfAborted()
  const { path } = options.workspace
  const real = await explained('the workspace', () => realpath(path))
  if (real !== path) throw new ToolFault('outside_workspace', 'the workspace was replaced by a link')
  const { name: _name, input, ...context } = options
  return tool.run(input, { ...context, signal })
}

function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

function refused(error: unknown): ToolOutcome {
  return { ok: false, error: { code: codeOf(error), message: textOf(error) } }
}

function codeOf(error: unknown): string {
  if (error instanceof ToolFault) return error.code
  return error instanceof z.ZodError ? 'invalid_input' : 'tool_failed'
}

function textOf(error: unknown): string {
  if (!(error instanceof z.ZodError)) return messageOf(error)
  return error.issues.map((issue) => `${issue.path.join('.') || 'input'}: ${issue.message}`).join('; ')
}
