/** Notices when the server that a command uses is gone, and has it started again. */
import { messageOf } from '../../runtime/errors.ts'
import type { ServerInfo } from './embedded-directory.ts'
import { isAlive } from './embedded-processes.ts'

/** How often a user looks whether the server is still there. */
const watchMs = 250
/** Failed restarts in a row after which a user gives up. */
const restartsMax = 5

export type WatchServer = {
  current: () => ServerInfo
  /** Starts the server, or finds the one that somebody else has started meanwhile. */
  restart: () => Promise<void>
  onProgress: ((line: string) => void) | undefined
}

/** Watches until the returned function is called, which waits for a restart under way. */
export function watchServer({ current, restart, onProgress }: WatchServer): () => Promise<void> {
  let failures = 0
  let restarting: Promise<void> | undefined
  const attempt = async (pid: number) => {
    try {
      await restart()
      failures = 0
      onProgress?.(`nats-server ${pid} was gone; ${current().pid} runs in its place`)
    } catch (error) {
      failures++
      onProgress?.(`nats-server ${pid} is gone: ${messageOf(error)}`)
      if (failures >= restartsMax) clearInterval(timer)
    }
    restarting = undefined
  }
  const look = () => {
    const { pid, started_at: startedAt } = current()
    if (restarting === undefined && !isAlive({ pid, startedAt })) restarting = attempt(pid)
  }
  const timer = setInterval(look, watchMs)
  timer.unref()
  return async () => {
    clearInterval(timer)
    await restarting
  }
}
