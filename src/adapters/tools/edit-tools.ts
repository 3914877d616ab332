/** Tools that change files. */
import { z } from 'zod'
import { TOOL_TIMEOUT_MS } from './limits.ts'
import { readText, writeText } from './text-file.ts'
import { defineTool, ToolFault } from './tool.ts'

const path = z.string().min(1).describe('relative to the workspace')

export const writeFile = defineTool({
  name: 'write_file',
  description: 'Writes a whole text file, replacing what was there, and makes the directories above it.',
  cost_class: 'light',
  needs: null,
  timeoutMs: TOOL_TIMEOUT_MS,
  input: z.strictObject({ path, content: z.string() }),
  async run({ path, content }, { workspace }) {
    const written = await writeText(workspace.path, path, content)
    return { ...written, bytes: Buffer.byteLength(content) }
  },
})

export const replaceInFile = defineTool({
  name: 'replace_in_file',
  description: 'Replaces a piece of a text file, given literally, which must occur in it exactly once.',
  cost_class: 'light',
  needs: null,
  timeoutMs: TOOL_TIMEOUT_MS,
  input: z.strictObject({ path, old_text: z.string().min(1), new_text: z.string() }),
  async run({ path, old_text, new_text }, { workspace }) {
    const text = await readText(workspace.path, path)
    const at = text.indexOf(old_text)
    if (at === -1) throw new ToolFault('no_match', `${path}: old_text does not occur`)
    if (text.includes(old_text, at + 1)) throw new ToolFault('not_unique', `${path}: old_text occurs more than once`)
    const changed = text.slice(0, at) + new_text + text.slice(at + old_text.length)
    const written = await writeText(workspace.path, path, changed)
    return { path: written.path, line: text.slice(0, at).split('\n').length }
  },
})
