import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openEmbeddedSwarm, type ConnectedSwarm } from '../../src/connect.ts'
import { inspectEmbeddedServer } from '../../src/adapters/nats/embedded-server.ts'
import { until } from '../support/until.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'generation-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

async function during(work: (swarm: ConnectedSwarm) => Promise<void>): Promise<string> {
  const swarm = await openEmbeddedSwarm({ dir })
  try {
    await work(swarm)
    return swarm.ports.views.generation()
  } finally {
    await swarm.close()
  }
}

it('a server that was stopped in order has all that was stored, and says so', async () => {
  const first = await during(async ({ ports }) => {
    await ports.views.put('registry', [{ key: 'S1', position: 3, document: 'it' }])
    await ports.views.setCheckpoint('registry', 3)
  })
  const second = await during(async ({ ports }) => {
    expect(await ports.views.checkpoint('registry')).toBe(3)
    expect((await ports.views.get('registry', 'S1'))?.document).toBe('it')
  })
  expect(second).toBe(first)
})

it('after a kill it says that something may be gone, also to who was connected', async () => {
  let before = ''
  const after = await during(async ({ ports }) => {
    before = ports.views.generation()
    await ports.views.setCheckpoint('registry', 3)
    process.kill((await inspectEmbeddedServer(dir))?.pid ?? 0, 'SIGKILL')
    await until('another one runs', () => ports.views.generation() !== before && ports.log.reachable())
    expect(await ports.views.checkpoint('registry')).toBe(0)
    const since = { generation: before, checkpoint: 0 }
    await expect(ports.views.setCheckpoint('registry', 4, since)).rejects.toMatchObject({ code: 'view_lost' })
  })
  expect(after).not.toBe(before)
  expect(await during(async () => {})).toBe(after)
})
