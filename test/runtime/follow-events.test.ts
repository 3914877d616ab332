/** Following one session until it is closed comes to an end, or says at once that none is to be had. */
import { describe, expect, it } from 'vitest'
import { NO_HASH, type SwarmEvent } from '../../src/events/envelope.ts'
import { createSwarm } from '../../src/runtime/swarm.ts'
import { eventOf, stopFact } from '../support/events.ts'
import { a } from '../support/facts.ts'
import { timedTrail } from '../support/timed-trail.ts'
import { memoryPorts } from '../support/told-log.ts'

const CLOSED = 4
const trail: SwarmEvent[] = timedTrail([
  [0, a.startRequested()],
  [1, a.stop()],
  [2, a.sessionStopped()],
  [3, a.closed('stopped', 0)],
]).map(({ position: _, ...event }) => event)

async function swarmWith(events: readonly SwarmEvent[]) {
  const ports = memoryPorts()
  let version = 0
  for (const event of events) version = await ports.log.append(event, version)
  const swarm = createSwarm(ports, { source: 'client/test' })
  const typesOf = async (options: Parameters<typeof swarm.events>[0]): Promise<string[]> => {
    const types: string[] = []
    for await (const { type } of swarm.events({ until: 'closed', ...options })) types.push(type)
    return types
  }
  return { ports, swarm, typesOf }
}

describe('a session followed until it is closed', () => {
  it.each(['start', 'now', 0] as const)('from %s on is not found when nobody has asked for it', async (from) => {
    const { typesOf } = await swarmWith(trail)
    await expect(typesOf({ sessionId: 'nope', from })).rejects.toMatchObject({
      code: 'session_not_found',
      details: { session_id: 'nope' },
    })
  })

  it('is not found where there is only a stop that came before it', async () => {
    const { ports, typesOf } = await swarmWith([])
    ports.log.plant('S1', 'stop', JSON.stringify(eventOf('S1', stopFact, { prevHash: NO_HASH })))
    await expect(typesOf({ sessionId: 'S1', from: 'start' })).rejects.toMatchObject({ code: 'session_not_found' })
  })

  it('ends with its last event from wherever it is followed, at once where that lies before', async () => {
    const { typesOf } = await swarmWith(trail)
    const all = trail.map(({ type }) => type)
    for (let from = 0; from <= CLOSED; from++) expect(await typesOf({ sessionId: 'S1', from })).toEqual(all.slice(from))
    expect(await typesOf({ sessionId: 'S1', from: 'now' })).toEqual([])
    expect(await typesOf({ sessionId: 'S1', from: 'start', types: ['turn.*'] })).toEqual([])
  })

  it.each(['start', 'now'] as const)('from %s on is followed as long as it is open', async (from) => {
    const { ports, typesOf } = await swarmWith(trail.slice(0, 1))
    const following = typesOf({ sessionId: 'S1', from, types: ['session.*'] })
    let version = 1
    for (const event of trail.slice(1)) version = await ports.log.append(event, version)
    expect(await following).toEqual(expect.arrayContaining(['session.closed']))
  })
})

describe('records', () => {
  it('of a status that there is not are refused', async () => {
    const { swarm } = await swarmWith(trail)
    expect(await swarm.list({ status: 'stopped' })).toHaveLength(1)
    const asked = JSON.parse('{"status":"bogus"}') as Parameters<typeof swarm.list>[0]
    await expect(swarm.list(asked)).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining('status: expected one of starting, running, '),
    })
  })
})
