/** The file of an export tells whether all of it is there, and nothing else. */
import { describe, expect, it } from 'vitest'
import type { ArtifactRef } from '../../src/events/parts.ts'
import { importTrails } from '../../src/runtime/transfer/import-trails.ts'
import { artifactLine, endLine } from '../../src/runtime/transfer/trail-file.ts'
import { verifyFile } from '../../src/runtime/verify-file.ts'
import { sha256 } from '../support/events.ts'
import { inputOf } from '../support/facts.ts'
import { finish, tell } from '../support/histories.ts'
import { appendInterleaved, codec, eventsAs, exported, fileOf, memoryPorts } from '../support/told-log.ts'

const history = finish(tell({ front: { hooks: { before_run: 'x' } }, input: inputOf() }, [0, 0, 0]))
const corrupt = { code: 'history_corrupt' }

const verify = (lines: readonly string[]) => verifyFile(fileOf(lines), { sha256, codec })
const importLines = (lines: readonly string[], ports = memoryPorts()) =>
  importTrails(ports, { open: () => fileOf(lines), codec })

/** Two sessions; all artifacts of S1 are one, those of S2 another. */
async function swarmWithArtifacts() {
  const ports = memoryPorts()
  const [first, second] = [await ports.artifacts.put('first'), await ports.artifacts.put('second')]
  await appendInterleaved(ports.log, [
    eventsAs('S1', history, { artifact: first }),
    eventsAs('S2', history, { artifact: second }),
  ])
  return { ports, first, second }
}

const indexOf = (lines: readonly string[], { sha256: digest }: ArtifactRef) =>
  lines.findIndex((line) => line.startsWith(`{"artifact":{"sha256":"${digest}"`))

/** As early releases wrote it: no first line, no last one. */
const unframed = (lines: readonly string[]) => lines.slice(1, -1)

describe('an export that is kept', () => {
  it('says what it is and counts what it holds; without artifacts too when asked', async () => {
    const { ports } = await swarmWithArtifacts()
    const events = await exported(ports)
    const whole = await exported(ports, { artifacts: codec })
    const plain = await exported(ports, { framed: true })
    const frame = (artifacts: boolean) => JSON.stringify({ export: { format: 'swarmtrail-export@1', artifacts } })
    expect(plain).toEqual([frame(false), ...events, endLine({ events: events.length, artifacts: 0 })])
    expect([whole[0], whole.at(-1)]).toEqual([frame(true), endLine({ events: events.length, artifacts: 2 })])
    for (const lines of [events, whole, plain, unframed(whole)]) {
      expect(await verify(lines)).toMatchObject({ ok: true, events: events.length })
      expect(await importLines(lines)).toMatchObject({ sessions: 2, events: events.length })
    }
  })

  it('of an empty log is whole, though there is nothing to import in it', async () => {
    const lines = await exported(memoryPorts(), { framed: true })
    expect(await verify(lines)).toMatchObject({ ok: true, events: 0, sessions: [] })
    await expect(importLines(lines)).rejects.toMatchObject({ code: 'import_refused' })
  })

  it('is found to be cut off, at the end of whichever line, and an empty file to be none', async () => {
    const { ports } = await swarmWithArtifacts()
    const lines = await exported(ports, { artifacts: codec })
    for (const [kept] of lines.entries()) {
      await expect(verify(lines.slice(0, kept))).rejects.toMatchObject(corrupt)
      const to = memoryPorts()
      await expect(importLines(lines.slice(0, kept), to)).rejects.toMatchObject({ code: 'import_refused' })
      expect(await to.log.head()).toBe(0)
    }
    await expect(verify([])).rejects.toThrow(/empty/)
    await expect(verify(lines.slice(0, 5))).rejects.toThrow(/cut off: it ends after 4 events and 0 artifacts/)
  })

  it('holds nothing beyond its end, no second beginning, no end without one, and as much as it says', async () => {
    const { ports } = await swarmWithArtifacts()
    const lines = await exported(ports, { artifacts: codec })
    const plain = await exported(ports, { framed: true })
    const artifact = lines.at(-2) ?? ''
    const wrong = [
      [...lines, lines[1] ?? ''],
      lines.toSpliced(3, 0, lines[0] ?? ''),
      lines.slice(1),
      lines.toSpliced(-2, 1),
      plain.toSpliced(-1, 0, artifact),
      lines.with(0, JSON.stringify({ export: { format: 'swarmtrail-export@2', artifacts: true } })),
      lines.with(-1, JSON.stringify({ end: {} })),
    ]
    for (const file of wrong) await expect(verify(file)).rejects.toMatchObject(corrupt)
  })
})

describe('the artifacts of an export', () => {
  it('that are missing make the first event bad that names them, session by session', async () => {
    const { ports, second } = await swarmWithArtifacts()
    const lines = await exported(ports, { artifacts: codec })
    const events = lines.filter((line) => line.includes('"subject":"S2"') && line.includes(second.sha256))
    const { id, position } = JSON.parse(events[0] ?? '') as { id: string; position: number }
    const bad = { id, position, reason: `artifact: ${second.sha256} is missing from the file` }
    const without = lines.toSpliced(indexOf(lines, second), 1)
    const counted = without.with(-1, endLine({ events: without.length - 3, artifacts: 1 }))
    for (const file of [unframed(without), counted]) {
      const { ok, sessions } = await verify(file)
      expect({ ok, sessions }).toMatchObject({
        ok: false,
        sessions: [
          { session_id: 'S1', ok: true },
          { session_id: 'S2', ok: false, bad },
        ],
      })
      await expect(importLines(file)).rejects.toMatchObject({ code: 'import_refused', details: { bad } })
    }
  })

  it('that no event names, that come twice, or that are other than their digest are named by their line', async () => {
    const { ports, first } = await swarmWithArtifacts()
    const lines = await exported(ports, { artifacts: codec })
    const at = indexOf(lines, first)
    const foreign = await ports.artifacts.put('foreign')
    const lineOf = (ref: ArtifactRef, text: string) =>
      artifactLine({ ...ref, base64: codec.encode(new TextEncoder().encode(text)) })
    const wrong: [string[], RegExp][] = [
      [lines.toSpliced(at, 0, lineOf(foreign, 'foreign')), /which no event names/],
      [lines.toSpliced(at, 0, lines[at] ?? ''), /a second time/],
      [lines.with(at, lineOf(first, 'First')), /not what its digest says/],
    ]
    for (const [file, reason] of wrong) {
      await expect(verify(unframed(file))).rejects.toMatchObject(corrupt)
      await expect(verify(unframed(file))).rejects.toThrow(reason)
    }
  })

  it('say nothing where an event is bad, which is named first', async () => {
    const { ports } = await swarmWithArtifacts()
    const lines = await exported(ports, { artifacts: codec })
    const index = lines.findIndex((line) => line.includes('"type":"turn.started"'))
    const touched = { ...(JSON.parse(lines[index] ?? '') as { id: string }), data: {} }
    const { sessions } = await verify(lines.with(index, JSON.stringify(touched)))
    expect(sessions).toMatchObject([{ bad: { id: touched.id } }, { ok: true }])
  })
})
