/** A runner in a process of its own; it says when it is ready and drains on SIGTERM. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createRunner, openEmbeddedSwarm } from '../dist/index.js'

const PATH = fileURLToPath(import.meta.url)

/** Starts one in a new process; that it is ready comes as its first message. */
export function startRunner(dir, workflow, capacity = 4) {
  return fork(PATH, [dir, workflow, String(capacity)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
}

export async function endRunner(child) {
  child.kill('SIGTERM')
  await once(child, 'exit')
}

if (process.argv[1] === PATH) await serve(process.argv.slice(2))

async function serve([dir, workflow, capacity]) {
  const swarm = await openEmbeddedSwarm({ dir })
  const runner = await createRunner({ swarm, workflow, capacity: Number(capacity) })
  process.once('SIGTERM', async () => {
    await runner.close({ drainMs: 0 })
    await swarm.close()
    process.exit(0)
  })
  process.send('ready')
}
