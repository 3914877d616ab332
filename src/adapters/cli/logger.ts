/** The runtime's messages on standard error; what is only informative is shown with SWARMTRAIL_DEBUG=1. */
import type { Logger } from '../../runtime/ports.ts'
import { oneLine } from './printable.ts'
import type { Terminal } from './terminal.ts'

export function terminalLogger(terminal: Terminal): Logger {
  const say =
    (level: string) =>
    (message: string, given: Record<string, unknown> = {}) => {
      const details = Object.entries(given).map(([name, value]) => `${name}=${valueText(value)}`)
      terminal.note(oneLine([`${level}: ${message}`, ...details].join(' ')))
    }
  const debug = process.env['SWARMTRAIL_DEBUG'] === '1'
  return { info: debug ? say('info') : () => undefined, warn: say('warning'), error: say('warning') }
}

function valueText(value: unknown): string {
  if (value instanceof Error) return value.message
  return typeof value === 'string' ? value : JSON.stringify(value)
}
