/** A runner of crash.mjs; it says when it is ready and drains on SIGTERM. */
import { createRunner, openEmbeddedSwarm } from '../dist/index.js'

const [dir, workflow] = process.argv.slice(2)
const swarm = await openEmbeddedSwarm({ dir })
const runner = await createRunner({ swarm, workflow, capacity: 4 })
process.once('SIGTERM', async () => {
  await runner.close({ drainMs: 0 })
  await swarm.close()
  process.exit(0)
})
process.send('ready')
