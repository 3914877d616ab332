/** Coordinators' events that nobody decided on: many may write those subjects, but the chain says who has read the trail. */
import { describe, expect, it } from 'vitest'
import { sealEvent } from '../../src/events/hash-chain.ts'
import { NO_HASH, type SwarmEvent } from '../../src/events/envelope.ts'
import { contextOf, phaseOf } from '../../src/machines/decider.ts'
import { storyLines } from '../../src/projections/story-lines.ts'
import { readAudit } from '../../src/runtime/audit.ts'
import { createSwarm } from '../../src/runtime/swarm.ts'
import { loadTrail } from '../../src/runtime/trail.ts'
import { verifyFile } from '../../src/runtime/verify-file.ts'
import { verifyLog } from '../../src/runtime/verify-history.ts'
import { sha256 } from '../support/events.ts'
import { inputOf } from '../support/facts.ts'
import { tell } from '../support/histories.ts'
import { codec, eventsAs, exported, fileOf, memoryPorts, type MemoryPorts } from '../support/told-log.ts'

const [first, second, third] = eventsAs('S1', tell({ front: {}, input: inputOf() }, [0, 0, 0]))
if (first === undefined || second === undefined || third === undefined) throw new Error('too short')
const [asked, claimed, started] = [first, second, third]

function stopOf(sessionId: string, prevHash: string): SwarmEvent {
  const fact = { type: 'stop.requested', data: { by: 'mallory', reason: 'forged' } } as const
  const ids = { id: 'forged', correlationId: sessionId, causationId: 'forged' }
  return sealEvent(fact, { ...ids, source: 'client/x', sessionId, time: asked.time, prevHash }, sha256)
}

/** A session that a stop is forged for between two of its runner's events. */
async function forged(stop: SwarmEvent): Promise<MemoryPorts> {
  const ports = memoryPorts()
  const version = await ports.log.append(claimed, await ports.log.append(asked, 0))
  expect(version).toBe(2)
  await ports.log.append(started, ports.log.plant('S1', 'stop', JSON.stringify(stop)))
  return ports
}

const FORGERIES: [string, SwarmEvent][] = [
  ['whose hash is another content’s', { ...stopOf('S1', claimed.hash), hash: sha256('another') }],
  ['that names another predecessor', stopOf('S1', sha256('another'))],
  ['that names an earlier event', stopOf('S1', asked.hash)],
]

function again(sessionId: string, prevHash: string): SwarmEvent {
  if (asked.type !== 'start.requested') throw new Error('not a request')
  const ids = { id: 'again', correlationId: sessionId, causationId: 'again' }
  const fact = { type: asked.type, data: asked.data }
  return sealEvent(fact, { ...ids, source: 'client/x', sessionId, time: asked.time, prevHash }, sha256)
}

describe.each<[string, 'stop' | 'start', SwarmEvent]>([
  ['a stop that names no predecessor', 'stop', stopOf('S1', NO_HASH)],
  ['the request once more', 'start', again('S1', NO_HASH)],
  ['the request once more that names its first self', 'start', again('S1', asked.hash)],
])('%s', (_, noun, stray) => {
  it('is parked by an audit as it is by verify, and no part of what is told', async () => {
    const ports = memoryPorts()
    await ports.log.append(claimed, await ports.log.append(asked, 0))
    await ports.log.append(started, ports.log.plant('S1', noun, JSON.stringify(stray)))
    const { sessions } = await verifyLog(ports)
    expect(sessions).toMatchObject([{ ok: true, events: 3, head_hash: started.hash }])
    const { story, record, parked, soundness } = await readAudit(ports, 'S1')
    expect(soundness).toEqual({ ok: true, events: 3, head_hash: started.hash, bad: null })
    expect(parked).toMatchObject([{ position: 3, code: 'event_schema' }])
    expect(record.map(({ event }) => event.position)).toEqual([1, 2, 4])
    expect(story).toMatchObject({ events: 3, head_hash: started.hash, marks: [{ label: 'asked' }] })
    expect(storyLines(story).join('\n')).not.toContain('mallory')
  })
})

it('a stop that came before the session does not hide it from an audit', async () => {
  const ports = memoryPorts()
  await ports.log.append(asked, ports.log.plant('S1', 'stop', JSON.stringify(stopOf('S1', NO_HASH))))
  expect((await readAudit(ports, 'S1')).soundness).toMatchObject({ ok: true, events: 1, head_hash: asked.hash })
})

describe.each(FORGERIES)('a stop %s', (_, stop) => {
  it('moves nothing, and harms neither the history nor its export', async () => {
    const ports = await forged(stop)
    const { state, parked } = await loadTrail(ports.log, 'S1')
    expect(parked).toMatchObject([{ position: 3, code: 'event_schema' }])
    expect(contextOf(state).stop).toBeNull()
    expect(phaseOf(state)).toBe('preflight')
    expect(await verifyLog(ports)).toMatchObject({ ok: true, sessions: [{ events: 3 }], parked: { count: 1 } })
    const lines = await exported(ports)
    expect(lines).toHaveLength(3)
    expect(await verifyFile(fileOf(lines), { sha256, codec })).toMatchObject({ ok: true, sessions: [{ events: 3 }] })
  })

  it('is bad where a runner’s event goes on from it', async () => {
    const ports = memoryPorts()
    await ports.log.append(claimed, await ports.log.append(asked, 0))
    const after = sealEvent(
      { type: started.type, data: started.data } as Parameters<typeof sealEvent>[0],
      {
        id: 'e9',
        source: started.source,
        sessionId: 'S1',
        time: asked.time,
        correlationId: 'S1',
        causationId: 'x',
        prevHash: stop.hash,
      },
      sha256,
    )
    await ports.log.append(after, ports.log.plant('S1', 'stop', JSON.stringify(stop)))
    expect((await verifyLog(ports)).sessions).toMatchObject([{ ok: false, bad: { position: 3, id: 'forged' } }])
  })
})

describe('a stop of a session that does not exist yet', () => {
  it.each([
    ['well formed', stopOf('S1', NO_HASH)],
    ['with a false chain', stopOf('S1', asked.hash)],
  ])('%s, keeps nobody from starting it', async (_, stop) => {
    const ports = memoryPorts()
    ports.log.plant('S1', 'stop', JSON.stringify(stop))
    const swarm = createSwarm(ports, { source: 'client/test' })
    expect(await swarm.start({ task: 'go', session_id: 'S1' })).toMatchObject({ ok: true, position: 2 })
    const { state } = await loadTrail(ports.log, 'S1')
    expect(phaseOf(state)).toBe('queued')
    expect(await verifyLog(ports)).toMatchObject({ ok: true, sessions: [{ events: 1 }], parked: { count: 1 } })
    expect(await verifyFile(fileOf(await exported(ports)), { sha256, codec })).toMatchObject({ ok: true })
  })
})

describe('a place in the log', () => {
  const swarm = createSwarm(memoryPorts(), { source: 'client/test' })

  it.each(['foo 7', '-3', '1.5', '7 days', '2026-13-01', -1, 1.5])('is not %s', async (place) => {
    await expect(swarm.positionOf(place)).rejects.toMatchObject({ code: 'invalid_argument' })
  })

  it.each(['start', 'now', '0', '2026-01-31', '2026-01-31T12:00', '2026-01-31T12:00:00.5+01:00', 0])(
    'may be %s',
    async (place) => {
      expect(await swarm.positionOf(place)).toBe(0)
    },
  )
})
