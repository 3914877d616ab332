import type { FileHandle } from 'node:fs/promises'
import { z } from 'zod'
import { openFile } from './confined-path.ts'
import { FILE_BYTES_MAX, OUTPUT_BYTES_MAX, TOOL_TIMEOUT_MS } from './limits.ts'
import { isBinary } from './text-file.ts'
import { defineTool, ToolFault } from './tool.ts'

const CHUNK_BYTES = 64 * 1024

export const readFileLines = defineTool({
  name: 'read_file_lines',
  description:
    'Reads lines of a text file, counted from 1, both ends included. Returns at most the read budget; `truncated` says that more was asked for.',
  cost_class: 'light',
  needs: null,
  timeoutMs: TOOL_TIMEOUT_MS,
  input: z
    .strictObject({
      path: z.string().min(1).describe('relative to the workspace'),
      start_line: z.int().min(1).default(1),
      end_line: z.int().min(1).optional().describe('default: as far as the budget goes'),
    })
    .refine((input) => input.end_line === undefined || input.end_line >= input.start_line, {
      path: ['end_line'],
      message: 'expected not to be before start_line',
    }),
  async run({ path, start_line, end_line }, { workspace, readLinesMax, signal }) {
    const wanted = end_line ?? Number.POSITIVE_INFINITY
    const last = Math.min(wanted, start_line + readLinesMax - 1)
    const { handle } = await openFile(workspace.path, path)
    try {
      const slice = await readSlice(handle, path, start_line, last, signal)
      const total = slice.totalLines
      const end = total === null ? slice.lastLine : Math.min(slice.lastLine, total)
      const truncated = slice.clipped || (total === null && wanted > last)
      return { path, start_line, end_line: end, total_lines: total, text: slice.text, truncated }
    } finally {
      await handle.close()
    }
  },
})

type Slice = {
  text: string
  lastLine: number
  /** null: the file was not read to its end. */
  totalLines: number | null
  clipped: boolean
}

/** Streams the file only as far as the slice goes. */
async function readSlice(
  handle: FileHandle,
  path: string,
  start: number,
  last: number,
  signal: AbortSignal,
): Promise<Slice> {
  const buffer = Buffer.alloc(CHUNK_BYTES)
  const kept: Buffer[] = []
  let room = OUTPUT_BYTES_MAX
  let line = 1
  let position = 0
  let endsLine = true
  for (;;) {
    signal.throwIfAborted()
    const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES, position)
    if (bytesRead === 0) return sliceOf(kept, last, endsLine ? line - 1 : line, false)
    const chunk = buffer.subarray(0, bytesRead)
    if (position === 0 && isBinary(chunk)) throw new ToolFault('binary_file', `${path} is a binary file`)
    position += bytesRead
    if (position > FILE_BYTES_MAX) {
      throw new ToolFault('too_large', `${path}: line ${start} lies further in than ${FILE_BYTES_MAX} bytes`)
    }
    let from = 0
    while (from < bytesRead) {
      if (line > last) return sliceOf(kept, last, null, false)
      const newline = chunk.indexOf(10, from)
      const to = newline === -1 ? bytesRead : newline + 1
      if (line >= start) {
        const part = chunk.subarray(from, Math.min(to, from + room))
        kept.push(Buffer.from(part))
        room -= part.length
        if (part.length < to - from) return sliceOf(kept, line, null, true)
      }
      endsLine = newline !== -1
      if (endsLine) line += 1
      from = to
    }
  }
}

function sliceOf(kept: Buffer[], lastLine: number, totalLines: number | null, clipped: boolean): Slice {
  // Streaming leaves out a character that the clip cut in two.
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.concat(kept), { stream: clipped })
  return { text, lastLine, totalLines, clipped }
}
