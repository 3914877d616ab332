/** What a runner and its launcher tell each other. */
import type { StreamName } from './output-capture.ts'
import type { ProcessIdentity } from './process-identity.ts'

/** What to start; nothing: it is not wanted any more. `env` is the whole environment. */
export type Order = {
  id: string
  what?: { command: string; cwd: string; env: Readonly<Record<string, string>> }
}

export type Report =
  /** Where the launcher takes the connections that become the output streams of what it starts. */
  | { kind: 'ready'; socket: string }
  /** It can't go on. */
  | { kind: 'broken'; reason: string }
  /** Looked up before the system can have given the pid to another process; null when it can't be told. */
  | { kind: 'started'; id: string; pid: number; identity: ProcessIdentity | null; problem: string | null }
  | { kind: 'refused'; id: string; reason: string }
  | { kind: 'exited'; id: string; exitCode: number | null; signal: string | null }

/** The first line on a connection says which stream it is. What follows, the other way, is output and nothing else. */
export function greeting(id: string, stream: StreamName): string {
  return `${id} ${stream}\n`
}

/** Null for what is no greeting. */
export function greetingOf(text: string): { id: string; stream: StreamName } | null {
  const [, id, stream] = /^(\S+) (stdout|stderr)\n$/.exec(text) ?? []
  return id === undefined || (stream !== 'stdout' && stream !== 'stderr') ? null : { id, stream }
}
