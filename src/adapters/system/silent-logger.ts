import type { Logger } from '../../runtime/ports.ts'

export function silentLogger(): Logger {
  const nothing = () => undefined
  return { info: nothing, warn: nothing, error: nothing }
}
