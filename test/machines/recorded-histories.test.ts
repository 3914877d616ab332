/**
 * Histories recorded by this and earlier releases, folded for ever. A file that does not fold any more is never
 * rewritten: the machine, or an upcaster, is what has to change.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { decodeObject } from '../../src/events/catalog.ts'
import { checkLink } from '../../src/events/hash-chain.ts'
import type { Envelope } from '../../src/events/envelope.ts'
import { contextOf, evolve, INITIAL_STATE, stateName, type SessionState } from '../../src/machines/decider.ts'
import { sha256 } from '../support/given.ts'
import { stories, tellStory } from '../support/recorded-stories.ts'

const folder = join(import.meta.dirname, '..', 'histories')
const expectedFile = join(folder, 'expected.json')
const recording = process.env['RECORD_HISTORIES'] === '1'

type Line = Envelope & { position: number }
type End = { events: number; state: string; outcome: string | null; reason_code: string | null; pending: string[] }

function linesOf(name: string): Line[] {
  const text = readFileSync(join(folder, `${name}.jsonl`), 'utf8')
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
}

function fold(lines: readonly Line[]): SessionState {
  return lines.reduce((state, { position, ...stored }) => {
    const decoded = decodeObject(stored)
    if (!decoded.ok) throw new Error(`${stored.id}: ${decoded.reason}`)
    return evolve(state, decoded.event, position)
  }, INITIAL_STATE)
}

function endOf(events: number, state: SessionState): End {
  const { outcome, reasonCode } = contextOf(state)
  const pending = state.pending.map(({ type }) => type)
  return { events, state: stateName(state), outcome, reason_code: reasonCode, pending }
}

function expectedEnds(): Record<string, End> {
  return existsSync(expectedFile) ? (JSON.parse(readFileSync(expectedFile, 'utf8')) as Record<string, End>) : {}
}

/** Writes the histories of new stories; one that was ever written stays as it is. */
function recordNew(): void {
  const ends = expectedEnds()
  for (const name of Object.keys(stories).filter((name) => !(name in ends))) {
    const { steps, state } = tellStory(name)
    const lines = steps.map(({ event, position }) => JSON.stringify({ ...event, position }))
    writeFileSync(join(folder, `${name}.jsonl`), `${lines.join('\n')}\n`, { flag: 'wx' })
    ends[name] = endOf(steps.length, state)
  }
  writeFileSync(expectedFile, `${JSON.stringify(ends, null, 2)}\n`)
}

if (recording) recordNew()
const ends = expectedEnds()

describe('the recorded histories', () => {
  let files: string[] = []
  beforeAll(() => {
    files = readdirSync(folder).filter((file) => file.endsWith('.jsonl'))
  })

  it('are all there, none without its expected end', () => {
    expect(files.map((file) => file.slice(0, -'.jsonl'.length)).toSorted()).toEqual(Object.keys(ends).toSorted())
    expect(files.length).toBeGreaterThanOrEqual(Object.keys(stories).length)
  })

  it.each(Object.entries(ends))('%s folds to the end it had', (name, end) => {
    const lines = linesOf(name)
    expect(endOf(lines.length, fold(lines))).toEqual(end)
  })

  it.each(Object.keys(ends))('%s has a whole hash chain', (name) => {
    let previous: string | null = null
    for (const { position: _position, ...stored } of linesOf(name)) {
      expect(checkLink(stored, previous, sha256)).toBeNull()
      previous = stored.hash
    }
  })
})
