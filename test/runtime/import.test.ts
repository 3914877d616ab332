/** An export imported into an empty namespace is the same history, and everything seen of it is the same. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { hashOf } from '../../src/events/hash-chain.ts'
import { EVENT_TYPES } from '../../src/events/session-events.ts'
import { artifactRefSchema, type ArtifactRef } from '../../src/events/parts.ts'
import type { SwarmEvent } from '../../src/events/envelope.ts'
import { VIEW_NAMES } from '../../src/projections/names.ts'
import { artifactsOf } from '../../src/runtime/transfer/export-artifacts.ts'
import { importTrails } from '../../src/runtime/transfer/import-trails.ts'
import { verifyFile } from '../../src/runtime/verify-file.ts'
import { verifyLog } from '../../src/runtime/verify-history.ts'
import { listView } from '../../src/runtime/views.ts'
import { fact } from '../projections/support.ts'
import { sha256 } from '../support/events.ts'
import { inputOf } from '../support/facts.ts'
import { finish, tell } from '../support/histories.ts'
import {
  appendInterleaved,
  codec,
  eventsAs,
  exported,
  fileOf,
  memoryPorts,
  toldLogs,
  type MemoryPorts,
} from '../support/told-log.ts'

const history = finish(tell({ front: { hooks: { before_run: 'x' } }, input: inputOf() }, [0, 0, 0]))

function importLines(ports: MemoryPorts, lines: readonly string[]) {
  return importTrails(ports, { open: () => fileOf(lines), codec })
}

async function logOf(...trails: SwarmEvent[][]): Promise<MemoryPorts> {
  const ports = memoryPorts()
  await appendInterleaved(ports.log, trails)
  return ports
}

/** Positions are the log's own; all else has to be the same. */
function withoutPositions(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (key, inner: unknown) => (key === 'position' ? undefined : inner)))
}

async function allViews(ports: MemoryPorts) {
  const views = await Promise.all(VIEW_NAMES.map(async (view) => [view, await listView(ports, view)]))
  return withoutPositions(Object.fromEntries(views))
}

describe('a round trip', () => {
  it('gives the same export but for positions, sound chains, and identical views', async () => {
    await fc.assert(
      fc.asyncProperty(toldLogs, fc.boolean(), async ({ trails, turns }, gaps) => {
        if (trails.every((events) => events.length === 0)) return
        const [from, to] = [memoryPorts(), memoryPorts()]
        if (gaps) from.log.plant('S9', 'start', 'garbage')
        await appendInterleaved(from.log, trails, turns)
        const lines = await exported(from)
        const imported = await importLines(to, lines)
        expect(imported).toMatchObject({ events: lines.length, position: await to.log.head() })
        expect((await exported(to)).map((line) => withoutPositions(JSON.parse(line)))).toEqual(
          lines.map((line) => withoutPositions(JSON.parse(line))),
        )
        expect((await verifyLog(to)).sessions).toEqual((await verifyLog(from)).sessions)
        expect(await allViews(to)).toEqual(await allViews(from))
      }),
      { numRuns: 30 },
    )
  })

  it('of some sessions leaves out the others', async () => {
    const ports = await logOf(eventsAs('S1', history), eventsAs('S2', history), eventsAs('S3', history))
    const lines = await exported(ports, { sessionIds: ['S3', 'S1', 'S3'] })
    const subjects = lines.map((line) => (JSON.parse(line) as SwarmEvent).subject)
    expect(new Set(subjects)).toEqual(new Set(['S1', 'S3']))
    expect(await importLines(memoryPorts(), lines)).toMatchObject({ sessions: 2, events: lines.length })
    await expect(exported(ports, { sessionIds: ['S4'] })).rejects.toMatchObject({ code: 'session_not_found' })
  })

  it('keeps what this release does not know in an event', async () => {
    const [first] = eventsAs('S1', history)
    const to = memoryPorts()
    const from = memoryPorts()
    const { hash: _old, ...open } = { ...first, extension: { from: 'elsewhere' } } as SwarmEvent & { extension: object }
    from.log.plant('S1', 'start', JSON.stringify({ ...open, hash: hashOf(open, from.sha256) }))
    await importLines(to, await exported(from))
    expect(await exported(to)).toEqual(await exported(from))
    expect(await verifyLog(to)).toMatchObject({ ok: true })
  })
})

describe('artifacts', () => {
  const content = new Uint8Array([0, 255, 10, 13, 128, 7])

  async function withArtifacts() {
    const ports = memoryPorts()
    const ref = await ports.artifacts.put(content)
    const empty = await ports.artifacts.put('')
    await appendInterleaved(ports.log, [
      eventsAs('S1', history, { artifact: ref }),
      eventsAs('S2', history, { artifact: empty }),
    ])
    return { ports, ref, empty }
  }

  it('travel with the events when asked for, once each', async () => {
    const { ports, ref, empty } = await withArtifacts()
    const lines = await exported(ports, { artifacts: codec })
    const carried = lines.flatMap((line) => {
      const { artifact } = JSON.parse(line) as { artifact?: ArtifactRef }
      return artifact === undefined ? [] : [artifact.sha256]
    })
    expect(carried.toSorted()).toEqual([ref.sha256, empty.sha256].toSorted())
    const to = memoryPorts()
    expect(await importLines(to, lines)).toMatchObject({ artifacts: 2 })
    expect([...(await to.artifacts.get(ref))]).toEqual([...content])
    expect(await to.artifacts.get(empty)).toHaveLength(0)
    // The first and the last line, and two artifacts.
    expect(await exported(ports)).toHaveLength(lines.length - 4)
  })

  it('that are not what their digest says are refused, as is an event behind them', async () => {
    const { ports, ref } = await withArtifacts()
    const lines = await exported(ports, { artifacts: codec })
    const index = lines.findIndex((line) => line.includes(`{"artifact":{"sha256":"${ref.sha256}"`))
    const forged = JSON.stringify({ artifact: { ...ref, base64: codec.encode(new Uint8Array([1, 2, 3, 4, 5, 6])) } })
    const to = memoryPorts()
    const refused = { code: 'import_refused', details: { line: index + 1 } }
    await expect(importLines(to, lines.with(index, forged))).rejects.toMatchObject(refused)
    await expect(importLines(to, [...lines, lines[0] ?? ''])).rejects.toMatchObject({ code: 'import_refused' })
    expect(await to.log.head()).toBe(0)
    await expect(to.artifacts.get(ref)).rejects.toMatchObject({ code: 'artifact_missing' })
  })

  it('that are gone are said to be, and all else is carried', async () => {
    const ports = await logOf(eventsAs('S1', history))
    const named = eventsAs('S1', history).flatMap(artifactsOf)
    const gone: ArtifactRef[] = []
    const lines = await exported(ports, { artifacts: codec, onGone: (ref) => gone.push(ref) })
    expect(gone.length).toBeGreaterThan(0)
    expect(new Set(gone.map(({ sha256 }) => sha256))).toEqual(new Set(named.map(({ sha256 }) => sha256)))
    const counts = { artifacts: 0, artifacts_gone: gone.length }
    expect(await verifyFile(fileOf(lines), { sha256, codec })).toMatchObject({ ok: true, ...counts })
    const to = memoryPorts()
    expect(await importLines(to, lines)).toMatchObject({ artifacts: 0 })
    expect(await exported(to, { artifacts: codec })).toHaveLength(lines.length)
    const lacking = lines.filter((line) => !line.includes(gone[0]?.sha256 ?? '') || !line.includes('"gone"'))
    await expect(importLines(memoryPorts(), lacking)).rejects.toMatchObject({ code: 'import_refused' })
  })

  it('are found wherever an event names one', () => {
    for (const type of EVENT_TYPES) {
      const event = fact(type) as SwarmEvent
      const found = artifactsOf(event).map((ref) => JSON.stringify(ref))
      expect(found.toSorted(), `of ${type}`).toEqual(refsIn(event.data).toSorted())
    }
  })
})

describe('an import is refused, with nothing written', () => {
  const refused = { code: 'import_refused' }

  it('into a namespace that is not empty', async () => {
    const lines = await exported(await logOf(eventsAs('S1', history)))
    const to = memoryPorts()
    to.log.plant('S9', 'start', 'anything')
    await expect(importLines(to, lines)).rejects.toMatchObject(refused)
    expect(await to.log.head()).toBe(1)
  })

  it('of a file that is changed, cut off, garbage or empty, and names the line or the event', async () => {
    const lines = await exported(await logOf(eventsAs('S1', history), eventsAs('S2', history)))
    const changed = { ...(JSON.parse(lines[5] ?? '') as SwarmEvent), source: 'somebody' }
    const cases: [string[], object][] = [
      [lines.with(5, JSON.stringify(changed)), { bad: { id: changed.id } }],
      [lines.toSpliced(5, 1), { bad: {} }],
      [lines.toSpliced(5, 0, 'garbage'), { line: 6 }],
      [[...lines.slice(0, -1), lines.at(-1)?.slice(0, 99) ?? ''], { line: lines.length }],
      [lines.toReversed(), { bad: {} }],
      [[], {}],
    ]
    for (const [file, details] of cases) {
      const to = memoryPorts()
      await expect(importLines(to, file)).rejects.toMatchObject({ ...refused, details })
      expect(await to.log.head()).toBe(0)
    }
  })

  it('but for its first part, where somebody else writes meanwhile', async () => {
    const lines = await exported(await logOf(eventsAs('S1', history)))
    const to = memoryPorts()
    let reads = 0
    const open = async function* () {
      reads += 1
      for await (const line of fileOf(lines)) {
        if (reads === 2 && line.line === 3) to.log.plant('S1', 'stop', 'in between')
        yield line
      }
    }
    await expect(importTrails(to, { open, codec })).rejects.toMatchObject(refused)
  })
})

/** Every object in it that looks like a reference to an artifact, as JSON. */
function refsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  if (z.strictObject(artifactRefSchema.shape).safeParse(value).success) return [JSON.stringify(value)]
  return Object.values(value).flatMap(refsIn)
}
