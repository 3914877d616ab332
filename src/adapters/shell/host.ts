import { readlinkSync } from 'node:fs'
import { availableParallelism, hostname } from 'node:os'
import type { Host } from '../../runtime/ports.ts'
import { processStartedAt } from './process-identity.ts'

/** This machine and this process. Here and not with the clock, because a process's identity is the shell's knowledge. */
export function systemHost(): Host {
  return {
    name: hostname(),
    pid: process.pid,
    processStartedAt: `${pidNamespace()}|${processStartedAt(process.pid) ?? ''}`,
    cores: availableParallelism(),
    environment: { ...process.env },
    alive,
  }
}

/**
 * Only what is provably dead is not alive: containers may share a host's name without seeing each other's processes,
 * so another pid namespace or another boot says nothing about the process.
 */
function alive(pid: number, startedAt: string): boolean {
  const [namespace, started = ''] = startedAt.split('|')
  if (namespace !== pidNamespace() || bootOf(started) !== bootOf(processStartedAt(process.pid) ?? '')) return true
  return Number.isInteger(pid) && pid > 0 && processStartedAt(pid) === started
}

/** The part of a start time that tells one boot from another; empty where the system shows only a time of day. */
function bootOf(started: string): string {
  return /^([0-9a-f-]{36}):/.exec(started)?.[1] ?? ''
}

/** Identity of the pid namespace; empty where there are none. */
function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid')
  } catch {
    // Only Linux has namespaces, and only there two processes with one host name may not see each other.
    return ''
  }
}
