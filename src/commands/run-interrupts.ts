/** Ctrl-C during `run`: the first stops the session cleanly, the second ends everything at once. */
import { statusOfSignal } from '../adapters/cli/exit-status.ts'
import type { Interrupt } from '../adapters/cli/interrupts.ts'
import type { Terminal } from '../adapters/cli/terminal.ts'
import type { ConnectedSwarm } from '../connect.ts'
import type { RunningRunner } from '../create-runner.ts'
import type { SessionId } from '../events/ids.ts'
import { messageOf } from '../runtime/errors.ts'
import type { Cli } from './command.ts'

/** Longest time that ending at once may take: processes get 2 s to end after SIGTERM. */
const END_MS_MAX = 5_000

export function stopOnInterrupt(
  terminal: Terminal,
  swarm: ConnectedSwarm,
  sessionId: SessionId,
  atOnce: (signal: Interrupt['signal']) => Promise<never>,
): (interrupt: Interrupt) => void {
  return ({ signal, count }) => {
    if (count === 1) void stop(terminal, swarm, sessionId)
    else if (count === 2) void atOnce(signal)
  }
}

async function stop(terminal: Terminal, swarm: ConnectedSwarm, sessionId: SessionId): Promise<void> {
  terminal.note(`stopping session ${sessionId}; Ctrl-C again ends it at once`)
  try {
    const result = await swarm.stop(sessionId, { reason: 'interrupted' })
    // A session that is being cleaned up comes to its end by itself.
    if (!result.ok && result.code !== 'not_accepted_in_phase') terminal.note(`warning: ${result.message}`)
  } catch (error) {
    terminal.note(`warning: the session can't be stopped: ${messageOf(error)}; Ctrl-C again ends it at once`)
  }
}

/** Ends this process; the session stays in the log as it is, for another runner to bring to its end. */
export async function endAtOnce(
  cli: Cli,
  runner: RunningRunner,
  sessionId: SessionId,
  signal: Interrupt['signal'],
): Promise<never> {
  cli.terminal.status(null)
  cli.terminal.note(`session ${sessionId} is left unfinished; a runner can bring it to its end: swarmtrail runner`)
  setTimeout(() => process.exit(statusOfSignal(signal)), END_MS_MAX)
  try {
    await runner.kill()
    await cli.close()
  } catch (error) {
    cli.terminal.note(`warning: ${messageOf(error)}`)
  }
  process.exit(statusOfSignal(signal))
}
