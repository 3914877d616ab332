/** How far a long reading of the log has come, told now and then. */
import type { Terminal } from '../adapters/cli/terminal.ts'

/** Where there is no live line, each tenth is told once. */
const TENTHS = 10

export function progressOf(terminal: Terminal, doing: string) {
  let told = 0
  return {
    tell: (done: number, of: number): void => {
      const text = `${doing}: ${done} of ${of}`
      terminal.status(text)
      const tenth = Math.floor((done / Math.max(1, of)) * TENTHS)
      if (terminal.live || tenth <= told) return
      told = tenth
      terminal.note(text)
    },
    end: (): void => terminal.status(null),
  }
}
