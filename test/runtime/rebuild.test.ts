/** Rebuilding says what of the stored views was not what the log says, and puts it right under readers' eyes. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { registry } from '../../src/projections/registry.ts'
import { indexes } from '../../src/projections/catalog.ts'
import { VIEW_NAMES, type ViewName, storeNameOf } from '../../src/projections/names.ts'
import type { Projection } from '../../src/projections/projection.ts'
import { PARKED_STORE, project, type ProjectorLimits } from '../../src/runtime/projector.ts'
import { rebuildParked } from '../../src/runtime/rebuild-parked.ts'
import { rebuildProjection, rebuildView } from '../../src/runtime/rebuild.ts'
import type { ClientPorts, EventLog, StoredDocument } from '../../src/runtime/ports.ts'
import { listView, viewAt } from '../../src/runtime/views.ts'
import { inputOf } from '../support/facts.ts'
import { finish, tell } from '../support/histories.ts'
import { appendInterleaved, eventsAs, memoryPorts, toldLogs, type MemoryPorts } from '../support/told-log.ts'
import { until } from '../support/until.ts'

const front = { hooks: { before_run: 'x' }, output: { require_approval_before_emit: true } }
const history = finish(tell({ front, input: inputOf() }, [0, 0, 0, 0, 0, 0]))
const session = (id: string) => eventsAs(id, history)

async function projectAll(ports: ClientPorts, limits?: ProjectorLimits): Promise<void> {
  const head = await ports.log.head()
  const life = new AbortController()
  const projecting = project(ports, life.signal, limits)
  const caughtUp = async () => {
    const checkpoints = await Promise.all(VIEW_NAMES.map((view) => ports.views.checkpoint(view)))
    return checkpoints.every((checkpoint) => checkpoint >= head)
  }
  await Promise.race([projecting, until('all views are projected', caughtUp)])
  life.abort()
  await projecting
}

async function stored(ports: ClientPorts, view: string): Promise<Map<string, StoredDocument>> {
  const documents = new Map<string, StoredDocument>()
  for await (const document of ports.views.list(view)) documents.set(document.key, document)
  return documents
}

/** Writes something over a stored document, whatever its position. */
async function spoil(ports: MemoryPorts, view: string, change: (all: StoredDocument[]) => StoredDocument[]) {
  const checkpoint = await ports.views.checkpoint(view)
  const all = [...(await stored(ports, view)).values()]
  await ports.views.clear(view)
  await ports.views.put(view, change(all))
  await ports.views.setCheckpoint(view, checkpoint)
}

/** Two sessions projected, and a third that no projector has seen yet. */
async function projected(): Promise<MemoryPorts> {
  const ports = memoryPorts()
  await appendInterleaved(ports.log, [session('S1'), session('S2')])
  await projectAll(ports)
  await appendInterleaved(ports.log, [session('S3')])
  return ports
}

const byKey = <T extends { key: string }>(documents: readonly T[]) =>
  documents.toSorted((a, b) => (a.key < b.key ? -1 : 1))

async function expectServed(ports: MemoryPorts, view: ViewName) {
  const documents = async (from: Promise<{ key: string; document: unknown }[]>) =>
    byKey((await from).map(({ key, document }) => ({ key, document })))
  expect(await documents(listView(ports, view))).toEqual(await documents(viewAt(ports, view, await ports.log.head())))
}

describe('rebuilding a view', () => {
  it('finds nothing where only a projector is behind, and brings it up to date', async () => {
    const ports = await projected()
    for (const view of VIEW_NAMES) {
      const rebuilt = await rebuildView(ports, view)
      expect(rebuilt).toMatchObject({ view, changed: 0 })
      expect(await ports.views.checkpoint(view)).toBe(await ports.log.head())
      await expectServed(ports, view)
      expect(await rebuildView(ports, view)).toMatchObject({ changed: 0, documents: rebuilt.documents })
    }
    expect(await rebuildView(ports, 'registry')).toMatchObject({ documents: 3 })
  })

  it('finds nothing wherever a projector was cut off', async () => {
    await fc.assert(
      fc.asyncProperty(toldLogs, fc.nat({ max: 40 }), async ({ trails, turns }, cut) => {
        const ports = memoryPorts()
        let appended = 0
        const append: EventLog['append'] = async (event, expected) => {
          if (appended === cut) await projectAll(ports)
          appended += 1
          return ports.log.append(event, expected)
        }
        await appendInterleaved({ ...ports.log, append }, trails, turns)
        for (const view of VIEW_NAMES) {
          expect(await rebuildView(ports, view)).toMatchObject({ changed: 0 })
          await expectServed(ports, view)
        }
      }),
      { numRuns: 10 },
    )
  })

  it('finds nothing however little a projector may keep in memory', async () => {
    const limits = fc.record({
      storeChars: fc.nat({ max: 20_000 }),
      openCharsMax: fc.nat({ max: 20_000 }),
      documentsCharsMax: fc.nat({ max: 20_000 }),
      checkpointEvents: fc.nat({ max: 20 }),
    })
    await fc.assert(
      fc.asyncProperty(toldLogs, limits, async ({ trails, turns }, limits) => {
        const ports = memoryPorts()
        await appendInterleaved(ports.log, trails, turns)
        await projectAll(ports, limits)
        for (const view of VIEW_NAMES) expect(await rebuildView(ports, view)).toMatchObject({ changed: 0 })
        for (const index of Object.values(indexes) as Projection<unknown>[])
          expect(await rebuildProjection(ports, index)).toMatchObject({ changed: 0 })
      }),
      { numRuns: 20 },
    )
  })

  it('finds and repairs whatever was done to the stored documents', async () => {
    const damages: [string, (all: StoredDocument[]) => StoredDocument[], number][] = [
      ['changed', ([first, ...rest]) => (first ? [{ ...first, document: { lies: true } }, ...rest] : []), 1],
      ['removed', ([, ...rest]) => rest, 1],
      ['added', (all) => [...all, { key: 'S9', position: 1, document: { lies: true } }], 1],
      [
        'set back',
        ([first, ...rest]) => (first ? [{ ...first, position: 1, document: { lies: true } }, ...rest] : []),
        1,
      ],
      [
        'moved on',
        ([first, ...rest]) => (first ? [{ ...first, position: first.position + 3, document: null }, ...rest] : []),
        1,
      ],
      ['moved beyond the log', ([first, ...rest]) => (first ? [{ ...first, position: 9e9 }, ...rest] : []), 1],
      ['all removed', () => [], 2],
    ]
    for (const [what, change, changed] of damages) {
      const ports = await projected()
      await spoil(ports, 'registry', change)
      expect(await rebuildView(ports, 'registry'), `when ${what}`).toMatchObject({ changed, documents: 3 })
      await expectServed(ports, 'registry')
      expect(await rebuildView(ports, 'registry'), `when ${what}`).toMatchObject({ changed: 0 })
    }
  })

  it('keeps readers served with a whole view at every step', async () => {
    const ports = await projected()
    await spoil(ports, 'vericify', () => [])
    const whole = byKey(await viewAt(ports, 'vericify', await ports.log.head())).map(({ document }) => document)
    // Another definition has another store: nothing of it is taken as complete before all of it is there.
    const next = { ...registry, version: 2 } as Projection<unknown>
    const name = storeNameOf(next)
    const seen: number[] = []
    const views: ClientPorts['views'] = {
      ...ports.views,
      put: async (view, documents) => {
        for (const document of documents) {
          await ports.views.put(view, [document])
          seen.push(await ports.views.checkpoint(view))
        }
      },
    }
    expect(await rebuildProjection({ ...ports, views }, next)).toMatchObject({ changed: 0, documents: 3 })
    expect(seen).toEqual([0, 0, 0])
    expect(await ports.views.checkpoint(name)).toBe(await ports.log.head())
    expect((await stored(ports, 'registry')).size).toBe(2)
    await rebuildView(ports, 'vericify')
    expect(byKey(await listView(ports, 'vericify')).map(({ document }) => document)).toEqual(whole)
  })

  it('tells how far it is', async () => {
    const ports = memoryPorts()
    await appendInterleaved(ports.log, [session('S1')])
    const goal = await ports.log.head()
    const log = { ...ports.log, subscribe: () => repeated(ports, 20_000) }
    const progress: [number, number][] = []
    await rebuildView({ ...ports, log }, 'registry', (done, of) => progress.push([done, of]))
    expect(progress.length).toBeGreaterThan(0)
    expect(progress.every(([done, of]) => done <= of && of === goal)).toBe(true)
  })
})

describe('parked messages', () => {
  it('are listed with position and reason, and leave the list once they can be decoded', async () => {
    const ports = memoryPorts()
    await appendInterleaved(ports.log, [session('S1')])
    const position = ports.log.plant('S1', 'stop', 'garbage')
    const readable = await ports.log.append(session('S2')[0] ?? never(), 0)
    // What an earlier release could not read, and its projector had put on the list.
    const older = { position: readable, subject: 's', code: 'unknown_event_type', reason: 'newer than this release' }
    await ports.views.put(PARKED_STORE, [{ key: String(readable), position: readable, document: older }])
    const { rebuilt, parked } = await rebuildParked(ports)
    expect(parked).toEqual([
      { position, subject: expect.any(String), code: 'event_schema', reason: expect.any(String) },
    ])
    expect(rebuilt).toMatchObject({ view: PARKED_STORE, documents: 1, changed: 2, events: await ports.log.head() })
    expect([...(await stored(ports, PARKED_STORE)).keys()]).toEqual([String(position)])
    expect((await rebuildParked(ports)).rebuilt).toMatchObject({ documents: 1, changed: 0 })
  })
})

async function* repeated(ports: MemoryPorts, count: number) {
  const items = await ports.log.read('S1')
  for (let n = 0; n < count; n++) yield items[n % items.length] ?? never()
}

function never(): never {
  throw new Error('the history is too short')
}
