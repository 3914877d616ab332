import { describe, expect, it } from 'vitest'
import { createSwarm } from '../../src/runtime/swarm.ts'
import { inputOf } from '../support/facts.ts'
import { finish, tell } from '../support/histories.ts'
import { appendInterleaved, eventsAs, memoryPorts } from '../support/told-log.ts'

const begun = tell({ front: {}, input: inputOf() }, [0, 0, 0])

describe.each([0, 1, 20])('waiting for %i ms', (timeoutMs) => {
  it('tells the outcome that is there, or that there is none yet', async () => {
    const ports = memoryPorts()
    await appendInterleaved(ports.log, [eventsAs('S1', finish(begun)), eventsAs('S2', begun)])
    const swarm = createSwarm(ports, { source: 'client/test' })
    expect(await swarm.wait('S1', { timeoutMs })).toMatchObject({
      timedOut: false,
      session: { session_id: 'S1', phase: 'closed' },
      phase: 'closed',
      error: null,
    })
    expect(await swarm.wait('S2', { timeoutMs })).toMatchObject({ ok: false, timedOut: true, phase: 'preflight' })
    expect(await swarm.wait('S3', { timeoutMs })).toMatchObject({ ok: false, error: { code: 'session_not_found' } })
  })
})
