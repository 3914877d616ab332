import { createRequire } from 'node:module'
import type * as Pino from 'pino'
import type { Logger } from '../../runtime/ports.ts'

export type LogLevel = 'info' | 'warn' | 'error' | 'silent'

const STDERR = 2
const require = createRequire(import.meta.url)

/**
 * Writes one line of JSON per message, to stderr unless told otherwise: stdout belongs to results. Written at once, so
 * nothing is lost when the process ends. An `Error` under `error` or `err` is written with its causes.
 */
export function jsonLogger(options: { level?: LogLevel; destination?: { write(line: string): void } } = {}): Logger {
  // Here, because most programs that load this module have a logger of their own.
  const { destination, pino, stdSerializers } = require('pino') as typeof Pino
  const log = pino(
    {
      level: options.level ?? 'info',
      base: null,
      formatters: { level: (level) => ({ level }) },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      serializers: { error: stdSerializers.errWithCause, err: stdSerializers.errWithCause },
    },
    options.destination ?? destination({ dest: STDERR, sync: true }),
  )
  return {
    info: (message, fields = {}) => log.info(fields, message),
    warn: (message, fields = {}) => log.warn(fields, message),
    error: (message, fields = {}) => log.error(fields, message),
  }
}
