/** Tools that show what git knows about the workspace. */
import { join } from 'node:path'
import { z } from 'zod'
import type { Workspace } from '../../events/parts.ts'
import { lexicalPath, shownPath } from './confined-path.ts'
import { LISTED_FILES_MAX, OUTPUT_BYTES_MAX, TOOL_TIMEOUT_MS } from './limits.ts'
import { defineTool, type ToolContext, ToolFault } from './tool.ts'

const SETTINGS = ['core.hooksPath=/dev/null', 'core.fsmonitor=false', 'core.quotePath=false'].flatMap((setting) => [
  '-c',
  setting,
])

export const gitStatus = defineTool({
  name: 'git_status',
  description: "Lists files that differ from the last commit, untracked ones included, with git's two-letter status.",
  cost_class: 'light',
  needs: 'git',
  timeoutMs: TOOL_TIMEOUT_MS,
  input: z.strictObject({}),
  async run(_input, context) {
    const args = ['status', '--porcelain', '-z', '--no-renames', '--untracked-files=all']
    const { text, truncated } = await git(args, context)
    const entries = text.split('\0').filter((entry) => entry !== '')
    // A clipped output ends within an entry.
    if (truncated) entries.pop()
    const files = entries
      .slice(0, LISTED_FILES_MAX)
      .map((entry) => ({ status: entry.slice(0, 2), path: entry.slice(3) }))
    return { clean: entries.length === 0 && !truncated, files, truncated: truncated || files.length < entries.length }
  },
})

export const gitDiff = defineTool({
  name: 'git_diff',
  description: 'Shows what differs from the last commit in tracked files, all or one file or directory.',
  cost_class: 'medium',
  needs: 'git',
  timeoutMs: TOOL_TIMEOUT_MS,
  input: z.strictObject({ path: z.string().min(1).optional().describe('relative to the workspace') }),
  async run({ path }, context) {
    const limit =
      path === undefined ? '.' : shownPath(context.workspace.path, lexicalPath(context.workspace.path, path))
    const how = ['--no-color', '--no-ext-diff', '--no-textconv', '--no-renames']
    const { text, truncated } = await git(['diff', ...how, 'HEAD', '--', limit], context)
    return { diff: text, truncated }
  },
})

async function git(args: readonly string[], context: ToolContext): Promise<{ text: string; truncated: boolean }> {
  const { execa } = await import('execa')
  const result = await execa('git', [...SETTINGS, '--literal-pathspecs', ...args], {
    cwd: context.workspace.path,
    env: environment(context.workspace),
    extendEnv: false,
    stdin: 'ignore',
    stripFinalNewline: false,
    reject: false,
    maxBuffer: OUTPUT_BYTES_MAX,
    cancelSignal: context.signal,
  })
  if (result.isMaxBuffer) return { text: result.stdout, truncated: true }
  if (result.failed) {
    const reason = result.stderr?.split('\n').find((line) => line.trim() !== '') ?? result.shortMessage
    throw new ToolFault('tool_failed', `git ${args[0]}: ${reason}`)
  }
  return { text: result.stdout, truncated: false }
}

/** Only the workspace's own repository counts, never one that happens to lie around it; in place there is just the user's. */
function environment(workspace: Workspace): Record<string, string> {
  const env: Record<string, string> = {}
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !name.startsWith('GIT_')) env[name] = value
  }
  Object.assign(env, { LC_ALL: 'C', GIT_TERMINAL_PROMPT: '0', GIT_OPTIONAL_LOCKS: '0' })
  if (workspace.source !== 'in-place') {
    Object.assign(env, { GIT_DIR: join(workspace.path, '.git'), GIT_WORK_TREE: workspace.path })
  }
  return env
}
