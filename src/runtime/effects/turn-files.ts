import type { Scratch } from '../ports.ts'

/** The three files of a turn, in its private directory outside the workspace. */
export type TurnFiles = { prompt: string; request: string; response: string }

export function turnFiles(scratch: Scratch, directory: string): TurnFiles {
  return {
    prompt: scratch.join(directory, 'prompt.md'),
    request: scratch.join(directory, 'request.json'),
    response: scratch.join(directory, 'response.json'),
  }
}
