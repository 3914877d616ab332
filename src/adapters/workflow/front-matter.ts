/** Splits a workflow text into its YAML front matter and the prompt template below it. */
import { SwarmError } from '../../runtime/errors.ts'

export type SplitText = {
  /** null: the text has no front matter, so all of it is the template. */
  yaml: string | null
  template: string
}

/** Line of the file on which the YAML begins, counted from 1. */
export const YAML_FIRST_LINE = 2

const FENCE = /^---[ \t]*$/
const BYTE_ORDER_MARK = /^\uFEFF/

/**
 * The front matter opens with `---` on line 1 and ends with the next such line. A byte order mark is dropped and line
 * ends become `\n`, so that no hook or command gets a stray `\r`. Throws `workflow_unclosed`.
 */
export function splitFrontMatter(text: string, where: string): SplitText {
  const lines = text.replace(BYTE_ORDER_MARK, '').split(/\r\n|\n/)
  if (!FENCE.test(lines[0] ?? '')) return { yaml: null, template: lines.join('\n') }
  const close = lines.findIndex((line, index) => index > 0 && FENCE.test(line))
  if (close === -1) {
    throw new SwarmError(
      'workflow_unclosed',
      `${where}: the front matter opened on line 1 is never closed; add a line ---`,
    )
  }
  return { yaml: lines.slice(1, close).join('\n'), template: lines.slice(close + 1).join('\n') }
}
