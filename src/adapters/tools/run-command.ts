import { z } from 'zod'
import type { Shell, ShellResult } from '../../runtime/ports.ts'
import { COMMAND_TIMEOUT_MAX_MS, COMMAND_TIMEOUT_MS } from './limits.ts'
import { defineTool, type Tool, ToolFault } from './tool.ts'

/** Its process group ends with it; values of secrets never leave the shell adapter. */
export function runCommand(shell: Shell): Tool {
  return defineTool({
    name: 'run_command',
    description: 'Runs a shell command in the workspace and returns its exit code and the end of its output.',
    cost_class: 'heavy',
    needs: null,
    timeoutMs: null,
    input: z.strictObject({
      command: z.string().refine((command) => command.trim() !== '', 'expected a non-blank string'),
      timeout_ms: z.int().min(1).max(COMMAND_TIMEOUT_MAX_MS).default(COMMAND_TIMEOUT_MS),
    }),
    async run({ command, timeout_ms }, { workspace, env, secrets, marker, signal }) {
      const where = { cwd: workspace.path, env, secrets, marker, signal }
      return outputOf(await shell.run({ command, timeoutMs: timeout_ms, ...where }), timeout_ms)
    },
  })
}

function outputOf(result: ShellResult, timeoutMs: number): unknown {
  const { stdout, stderr } = result
  if (result.ended === 'aborted') throw new ToolFault('aborted', 'the command was ended')
  if (result.ended === 'timed_out') {
    const said = (stdout.tail + stderr.tail).trim()
    const output = said === '' ? 'it printed nothing' : `its output ends with: ${said}`
    throw new ToolFault('timed_out', `the command was ended after ${timeoutMs} ms; ${output}`)
  }
  if (result.ended !== 'exited') throw new ToolFault('tool_failed', result.error ?? `the command ${result.ended}`)
  return {
    exit_code: result.exitCode,
    signal: result.signal,
    stdout: stdout.tail,
    stderr: stderr.tail,
    truncated: stdout.clipped || stderr.clipped,
    duration_ms: result.durationMs,
  }
}
