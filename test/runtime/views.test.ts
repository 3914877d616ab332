import { expect, it } from 'vitest'
import { createSwarm } from '../../src/runtime/swarm.ts'
import { rebuildView } from '../../src/runtime/rebuild.ts'
import { inputOf } from '../support/facts.ts'
import { finish, tell } from '../support/histories.ts'
import { appendInterleaved, eventsAs, memoryPorts } from '../support/told-log.ts'

const begun = tell({ front: {}, input: inputOf() }, [0, 0, 0])

it('the ledger tells of finished sessions only, stored or not, now or then', async () => {
  const ports = memoryPorts()
  await appendInterleaved(ports.log, [eventsAs('S1', begun)])
  const at = await ports.log.head()
  await appendInterleaved(ports.log, [eventsAs('S2', finish(begun))])
  const swarm = createSwarm(ports, { source: 'client/test' })
  const keysOf = async (given?: { at: number }) => (await swarm.views('ledger', given)).map(({ key }) => key)
  const expectTold = async () => {
    expect(await keysOf()).toEqual(['S2'])
    expect(await keysOf({ at })).toEqual([])
    expect(await swarm.view('ledger', 'S1')).toBeNull()
    expect(await swarm.view('ledger', 'S2')).toMatchObject({ document: { recorded_at: expect.any(String) as string } })
  }
  await expectTold()
  await rebuildView(ports, 'ledger')
  await expectTold()
})
