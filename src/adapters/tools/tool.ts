/** What a built-in tool is. */
import type { z } from 'zod'
import type { ToolDescription, ToolRun } from '../../runtime/ports.ts'
import type { ToolName } from '../../runtime/tool-catalog.ts'

export type ToolErrorCode =
  | 'aborted'
  | 'binary_file'
  | 'invalid_input'
  | 'no_match'
  | 'not_a_file'
  | 'not_found'
  | 'not_unique'
  | 'outside_workspace'
  | 'timed_out'
  | 'too_large'
  | 'tool_failed'
  | 'unknown_tool'

/** An expected fault of a tool, told to the agent as it is. */
export class ToolFault extends Error {
  readonly code: ToolErrorCode

  constructor(code: ToolErrorCode, message: string) {
    super(message)
    this.name = 'ToolFault'
    this.code = code
  }
}

/** A run whose signal ends with the session's or with the tool's own time limit. */
export type ToolContext = Omit<ToolRun, 'name' | 'input'>

export type Tool = Omit<ToolDescription, 'name' | 'input_schema'> & {
  name: ToolName
  input: z.ZodType
  /** null: the tool bounds its own time. */
  timeoutMs: number | null
  run(input: unknown, context: ToolContext): Promise<unknown>
}

/** Ties a tool's body to its schema, so that the body sees what the schema lets through. */
export function defineTool<Schema extends z.ZodType>(
  tool: Omit<Tool, 'input' | 'run'> & {
    input: Schema
    run(input: z.output<Schema>, context: ToolContext): Promise<unknown>
  },
): Tool {
  return { ...tool, run: (input, context) => tool.run(tool.input.parse(input), context) }
}
