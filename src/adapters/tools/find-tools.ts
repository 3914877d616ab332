/** Tools that find files by name and text in files. */
import picomatch from 'picomatch'
import { z } from 'zod'
import { cut } from '../../events/recordable.ts'
import {
  LISTED_FILES_MAX,
  OUTPUT_BYTES_MAX,
  PATTERN_CHARS_MAX,
  SEARCH_LINE_CHARS_MAX,
  SEARCH_RESULTS,
  SEARCH_RESULTS_MAX,
  TOOL_TIMEOUT_MS,
} from './limits.ts'
import { type Matcher, withMatcher } from './matcher.ts'
import { readText } from './text-file.ts'
import { defineTool, type ToolErrorCode, ToolFault } from './tool.ts'
import { filesBelow } from './walk.ts'

const path = z.string().min(1).default('.').describe('directory or file, relative to the workspace')

export const listFiles = defineTool({
  name: 'list_files',
  description:
    'Lists the files below a directory, without those of .git, node_modules and .swarmtrail. A glob without a slash matches names at any depth, another one the path from the workspace.',
  cost_class: 'light',
  needs: null,
  timeoutMs: TOOL_TIMEOUT_MS,
  input: z.strictObject({ path, glob: z.string().min(1).max(PATTERN_CHARS_MAX).optional() }),
  async run({ path, glob }, { workspace, signal }) {
    const walked = await filesBelow(workspace.path, path, signal)
    const chosen = glob === undefined ? walked.files : await matchingGlob(glob, walked.files, signal)
    const files = chosen.slice(0, Math.min(LISTED_FILES_MAX, fitting(chosen)))
    return { path, files, truncated: walked.truncated || files.length < chosen.length }
  },
})

export const searchText = defineTool({
  name: 'search_text',
  description:
    'Finds lines that match a JavaScript regular expression (case counts) in the text files below a path, without those of .git, node_modules and .swarmtrail. `skipped` counts the files that were not searched, by reason: binary_file, too_large (more than 2 MiB), or a link that leads to no file inside.',
  cost_class: 'medium',
  needs: null,
  timeoutMs: TOOL_TIMEOUT_MS,
  input: z.strictObject({
    pattern: z.string().min(1).max(PATTERN_CHARS_MAX),
    path,
    max_results: z.int().min(1).max(SEARCH_RESULTS_MAX).default(SEARCH_RESULTS),
  }),
  async run({ pattern, path, max_results }, { workspace, signal }) {
    const source = sourceOf(pattern)
    const walked = await filesBelow(workspace.path, path, signal)
    return withMatcher(source, signal, async (matching) => {
      const found: Found = { matches: [], room: OUTPUT_BYTES_MAX, full: false, skipped: {} }
      for (const file of walked.files) {
        signal.throwIfAborted()
        await searchFile(workspace.path, file, matching, max_results, found)
        if (found.full) break
      }
      const { matches, skipped, full } = found
      return { pattern, matches, truncated: walked.truncated || full, skipped }
    })
  },
})

type Found = {
  matches: { path: string; line: number; text: string }[]
  room: number
  full: boolean
  /** How many files could not be searched, by code. */
  skipped: Partial<Record<ToolErrorCode, number>>
}

async function searchFile(
  workspace: string,
  path: string,
  matching: Matcher,
  max: number,
  found: Found,
): Promise<void> {
  const text = await textOrFault(workspace, path)
  if (text instanceof ToolFault) {
    found.skipped[text.code] = (found.skipped[text.code] ?? 0) + 1
    return
  }
  const lines = text.split(/\r?\n/)
  for (const index of await matching(lines, max - found.matches.length + 1)) {
    const shown = cut(lines[index] ?? '', SEARCH_LINE_CHARS_MAX)
    found.room -= Buffer.byteLength(path) + Buffer.byteLength(shown)
    found.full = found.matches.length === max || found.room < 0
    if (found.full) return
    found.matches.push({ path, line: index + 1, text: shown })
  }
}

/** A fault for what can't be searched: binary or huge files, links that lead nowhere or out. */
async function textOrFault(workspace: string, path: string): Promise<string | ToolFault> {
  try {
    return await readText(workspace, path)
  } catch (error) {
    if (error instanceof ToolFault) return error
    throw error
  }
}

/** The glob becomes an expression and is as little to be trusted as one. */
async function matchingGlob(glob: string, files: readonly string[], signal: AbortSignal): Promise<string[]> {
  const anywhere = glob.includes('/') ? glob.replace(/^\.?\//, '') : `**/${glob}`
  const expression = picomatch.makeRe(anywhere, { dot: true, noextglob: true })
  if (!(expression instanceof RegExp)) throw new ToolFault('invalid_input', 'glob: not a pattern')
  const indices = await withMatcher(expression.source, signal, (matching) => matching(files, files.length))
  return indices.map((index) => files[index] ?? '')
}

function sourceOf(pattern: string): string {
  try {
    return new RegExp(pattern).source
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new ToolFault('invalid_input', `pattern: ${error.message}`)
  }
}

/** How many of the paths go into one output. */
function fitting(paths: readonly string[]): number {
  let room = OUTPUT_BYTES_MAX
  const over = paths.findIndex((path) => (room -= Buffer.byteLength(path)) < 0)
  return over === -1 ? paths.length : over
}
