/** The few colours of the command line. */
const CODES = { green: 32, red: 31, yellow: 33, dim: 2, bold: 1 } as const
export type Colour = keyof typeof CODES

export function coloured(on: boolean, colour: Colour | null, text: string): string {
  return on && colour !== null ? `\u001B[${CODES[colour]}m${text}\u001B[0m` : text
}

const BY_WORD: Readonly<Record<string, Colour>> = {
  completed: 'green',
  failed: 'red',
  blocked: 'yellow',
  stopped: 'yellow',
}

export function colourOfStatus(status: string): Colour | null {
  return BY_WORD[status] ?? null
}
