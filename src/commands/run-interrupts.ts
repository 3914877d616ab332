/** Ctrl-C during `run`: the first stops the session cleanly, the second ends everything at once. */
import type { Interrupt } from '../adapters/cli/interrupts.ts'
import type { ConnectedSwarm } from '../connect.ts'
import type { RunningRunner } from '../create-runner.ts'
import type { SessionId } from '../events/ids.ts'
import { messageOf } from '../runtime/errors.ts'
import type { Cli } from './command.ts'

export function stopOnInterrupt(
  cli: Cli,
  swarm: ConnectedSwarm,
  runner: RunningRunner,
  sessionId: SessionId,
): (interrupt: Interrupt) => void {
  return ({ signal, count }) => {
    if (count === 1) void stop(cli, swarm, sessionId)
    else void leave(cli, runner, sessionId, signal)
  }
}

async function stop({ terminal }: Cli, swarm: ConnectedSwarm, sessionId: SessionId): Promise<void> {
  terminal.note(`stopping session ${sessionId}; Ctrl-C again ends it at once`)
  try {
    const result = await swarm.stop(sessionId, { reason: 'interrupted' })
    // A session that is being cleaned up comes to its end by itself.
    if (!result.ok && result.code !== 'not_accepted_in_phase') terminal.note(`warning: ${result.message}`)
  } catch (error) {
    terminal.note(`warning: the session can't be stopped: ${messageOf(error)}; Ctrl-C again ends it at once`)
  }
}

/** The session stays in the log as it is, for another runner to bring to its end. */
function leave(cli: Cli, runner: RunningRunner, sessionId: SessionId, signal: Interrupt['signal']): Promise<never> {
  const { path } = runner.workflow
  const how =
    path === null
      ? 'a runner with a workflow file can bring it to its end: swarmtrail init, unless there is one, then swarmtrail runner'
      : `a runner can bring it to its end: swarmtrail runner --workflow ${path}`
  const told = `session ${sessionId} is left unfinished; ${how}`
  return cli.endAtOnce(signal, async () => {
    cli.terminal.note(told)
    await runner.kill()
  })
}
