import { availableParallelism, hostname } from 'node:os'
import type { Host } from '../../runtime/ports.ts'
import { processStartedAt } from './process-identity.ts'

/** This machine and this process. Here and not with the clock, because a process's identity is the shell's knowledge. */
export function systemHost(): Host {
  return {
    name: hostname(),
    pid: process.pid,
    processStartedAt: processStartedAt(process.pid) ?? '',
    cores: availableParallelism(),
    environment: { ...process.env },
    alive: (pid, startedAt) => Number.isInteger(pid) && pid > 0 && processStartedAt(pid) === startedAt,
  }
}
