/** Every command by name. A new one is a file beside this one and a line here. */
import type { DefineCommand } from './command.ts'

export type RegisteredCommand = { summary: string; load: () => Promise<DefineCommand> }

export const COMMANDS: Readonly<Record<string, RegisteredCommand>> = {
  init: entry('write a commented workflow file', () => import('./init.ts')),
  run: entry('start a session, serve it here and follow it to its end', () => import('./run.ts')),
  start: entry('start a session for a running runner', () => import('./start.ts')),
  runner: entry('serve sessions until stopped', () => import('./runner.ts')),
  ps: entry('list sessions', () => import('./ps.ts')),
  show: entry('one session in full', () => import('./show.ts')),
  watch: entry('follow events live or from any place', () => import('./watch.ts')),
  logs: entry("print an executor's output", () => import('./logs.ts')),
  stop: entry('stop a session', () => import('./stop.ts')),
  resume: entry('let a blocked session go on', () => import('./resume.ts')),
  approve: entry('publish a held post', () => import('./approve.ts')),
  deny: entry('keep a held post from being published', () => import('./deny.ts')),
  wait: entry('wait for the outcome of sessions', () => import('./wait.ts')),
  replay: entry('fold a trail up to any place', () => import('./replay.ts')),
  audit: entry('tell the whole story of a session', () => import('./audit.ts')),
  backtest: entry('judge recorded sessions by another workflow', () => import('./backtest.ts')),
  verify: entry('prove that histories are what was written', () => import('./verify.ts')),
  view: entry("print a view's documents", () => import('./view.ts')),
  rebuild: entry('prove stored views by the log, and put them right', () => import('./rebuild.ts')),
  export: entry('print trails as JSON Lines', () => import('./export.ts')),
  import: entry('bring an export into an empty namespace', () => import('./import.ts')),
  diff: entry('print the work a session left behind', () => import('./diff.ts')),
  apply: entry("apply a session's work to its source", () => import('./apply.ts')),
  up: entry("keep this directory's server running", () => import('./up.ts')),
  down: entry("stop this directory's server", () => import('./down.ts')),
  'server-config': entry('print a server configuration with roles', () => import('./server-config.ts')),
  doctor: entry('check server, log, views, leases and sessions', () => import('./doctor.ts')),
}

function entry(summary: string, load: () => Promise<{ define: DefineCommand }>): RegisteredCommand {
  return { summary, load: async () => (await load()).define }
}
