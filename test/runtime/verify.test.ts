/** Whatever is done to a history, verifying it names the first event that is not as it was written. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hashOf } from '../../src/events/hash-chain.ts'
import type { SwarmEvent } from '../../src/events/envelope.ts'
import type { SessionFact } from '../../src/events/session-events.ts'
import type { LogEvent } from '../../src/runtime/ports.ts'
import { verifyTrail } from '../../src/runtime/verify.ts'
import { verifyFile } from '../../src/runtime/verify-file.ts'
import { verifyLog, verifySessions } from '../../src/runtime/verify-history.ts'
import { eventOf, sha256, stopFact, trailOf } from '../support/events.ts'
import { finish, tell, type History } from '../support/histories.ts'
import { checkOf, inputOf } from '../support/facts.ts'
import { appendInterleaved, codec, eventsAs, exported, fileOf, memoryPorts, toldLogs } from '../support/told-log.ts'

type Line = Record<string, unknown>

const verifyLines = (lines: readonly string[]) => verifyFile(fileOf(lines), { sha256, codec })
const parsed = (lines: readonly string[]) => lines.map((line) => JSON.parse(line) as Line)
const texts = (lines: readonly Line[]) => lines.map((line) => JSON.stringify(line))

/** One whole session: hooks, two turns, a held post. */
const front = { hooks: { before_run: 'x' }, output: { require_approval_before_emit: true } }
const history: History = finish(tell({ front, input: inputOf() }, [0, 0, 0, 0, 0, 0]))

async function exportOf(...trails: SwarmEvent[][]): Promise<string[]> {
  const ports = memoryPorts()
  await appendInterleaved(ports.log, trails)
  return exported(ports)
}

describe('a log that has lost events', () => {
  const lostOf = async (...positions: number[]) => {
    const ports = memoryPorts()
    await appendInterleaved(ports.log, [eventsAs('S1', history), eventsAs('S2', history)])
    const head = await ports.log.head()
    for (const position of positions) ports.log.lose(position < 0 ? head + 1 + position : position)
    return { head, found: await verifyLog(ports) }
  }

  it('is not sound: it tells how many and where, also at its beginning and its end', async () => {
    expect((await lostOf()).found).toMatchObject({ ok: true, lost: { count: 0, first: [] } })
    const { head, found } = await lostOf(1, 2, 7, -3, -2, -1)
    const first = [
      { from: 1, to: 2 },
      { from: 7, to: 7 },
      { from: head - 2, to: head },
    ]
    expect(found).toMatchObject({ ok: false, lost: { count: 6, first } })
  })

  it('tells so when what is left are sound histories, or none', async () => {
    const { head, found } = await lostOf(-1)
    expect(found).toMatchObject({ ok: false, lost: { count: 1, first: [{ from: head, to: head }] } })
    expect(found.sessions).toMatchObject([{ ok: true }, { ok: true }])
    const all = await lostOf(...Array.from({ length: head }, (_, n) => n + 1))
    expect(all.found).toMatchObject({ ok: false, sessions: [], lost: { count: head, first: [{ from: 1, to: head }] } })
  })

  it('counts messages that are no events as there', async () => {
    const ports = memoryPorts()
    ports.log.plant('S1', 'turn', 'garbage')
    expect(await verifyLog(ports)).toMatchObject({ ok: true, lost: { count: 0 } })
  })
})

describe('a history that was not touched', () => {
  it('is sound in the log and in its export, with the same heads', async () => {
    await fc.assert(
      fc.asyncProperty(toldLogs, async ({ trails, turns }) => {
        const told = trails.filter((events) => events.length > 0)
        // A file without anything in it is refused: it may have been cut off.
        fc.pre(told.length > 0)
        const ports = memoryPorts()
        await appendInterleaved(ports.log, trails, turns)
        const inLog = await verifyLog(ports)
        const inFile = await verifyLines(await exported(ports))
        expect(inLog).toMatchObject({ ok: true, parked: { count: 0 } })
        expect(inFile.sessions).toEqual(inLog.sessions)
        expect(inLog.sessions.map(({ session_id, events, head_hash }) => ({ session_id, events, head_hash }))).toEqual(
          expect.arrayContaining(
            told.map((events) => {
              const last = events.at(-1)
              return { session_id: last?.subject, events: events.length, head_hash: last?.hash }
            }),
          ),
        )
      }),
      { numRuns: 40 },
    )
  })

  it('is sound from any number of its first events, and from no later one', () => {
    const items = eventsAs('S1', history).map((event, n): LogEvent => {
      return { kind: 'event', event, position: n + 1, body: JSON.stringify(event) }
    })
    for (const [n, { event }] of items.entries()) {
      const first = verifyTrail('S1', items.slice(0, n + 1), { sha256 })
      expect(first).toEqual({ session_id: 'S1', events: n + 1, head_hash: event.hash, ok: true, bad: null })
      const later = verifyTrail('S1', items.slice(n), { sha256 })
      expect(later.bad?.id).toBe(n === 0 ? undefined : event.id)
    }
  })

  it('may take one approval of a held post after its end', async () => {
    const ports = memoryPorts()
    const events = eventsAs('S1', history)
    const held = events.flatMap((event) => (event.type === 'post.held' ? [event.data.post_id] : []))
    expect(events.at(-1)?.type).toBe('session.closed')
    await appendInterleaved(ports.log, [events])
    let prevHash = events.at(-1)?.hash ?? ''
    for (const [n, post_id] of [...held, held[0] ?? ''].entries()) {
      const fact: SessionFact = { type: 'approval.granted', data: { by: 'ann', post_id } }
      const event = eventOf('S1', fact, { id: `a${n}`, prevHash })
      await ports.log.append(event, await ports.log.head())
      prevHash = event.hash
    }
    const { ok, parked } = await verifyLog(ports)
    expect({ ok, parked }).toMatchObject({ ok: true, parked: { count: 1, first: [{ code: 'unhandled_event' }] } })
  })
})

describe('one field of one event changed', () => {
  it('is found at that event, whichever field it is', async () => {
    const lines = await exportOf(eventsAs('S1', history))
    for (const [index, line] of parsed(lines).entries()) {
      for (const field of Object.keys(line).filter((name) => name !== 'position')) {
        const changed = texts(
          parsed(lines).map((other, n) => (n === index ? { ...other, [field]: another(other[field]) } : other)),
        )
        const bad = await badOf(changed)
        expect.soft(bad, `${field} of line ${index + 1}`).toContain(field === 'id' ? 'x' : line['id'])
      }
    }
  })

  it('is found however deep it lies', async () => {
    const lines = await exportOf(eventsAs('S1', history))
    const leaf = fc.tuple(fc.nat({ max: lines.length - 1 }), fc.nat())
    await fc.assert(
      fc.asyncProperty(leaf, async ([index, which]) => {
        const changed = parsed(lines)
        const line = changed[index] ?? {}
        const places = leavesOf(line['data'])
        const place = places[which % places.length]
        if (place === undefined) return
        place.holder[place.key] = another(place.holder[place.key])
        expect(await badOf(texts(changed))).toContain(line['id'])
      }),
      { numRuns: 60 },
    )
  })

  it('is found when it was sealed anew, at the event after it', async () => {
    const events = eventsAs('S1', history)
    const lines = parsed(await exportOf(events))
    const changed = lines.map((line, n) => (n === 3 ? sealed({ ...line, source: 'runner/forged' }) : line))
    expect(await badOf(texts(changed))).toEqual([events[4]?.id])
  })

  it('is found in a position that is none', async () => {
    const lines = parsed(await exportOf(eventsAs('S1', history)))
    for (const position of ['7', 0, 1.5, null, undefined]) {
      const changed = lines.map((line, n) => (n === 2 ? { ...line, position } : line))
      expect(await badOf(texts(changed))).toEqual([lines[2]?.['id']])
    }
  })
})

describe('a history that was written anew from some event on, with every hash in order', () => {
  const story = finish(
    tell(
      { front: { ...front, autonomy: { stop: [{ name: 'tests', command: 'x' }] } }, input: inputOf() },
      [0, 0, 0, 0, 0, 0],
    ),
  )

  it('is found where an event says something else than those before it', async () => {
    const told = eventsAs('S1', story)
    const lies: [SwarmEvent['type'], string, unknown][] = [
      ['turn.started', 'turn_number', 7],
      ['turn.exited', 'turn_number', 2],
      ['turn.completed', 'turn_number', 2],
      ['turn.completed', 'status', 'blocked'],
      ['checks.passed', 'checks', [checkOf('tests', false)]],
      ['session.completed', 'verified', null],
      ['session.completed', 'reason_code', 'executor_failed'],
      ['session.closed', 'outcome', 'failed'],
      ['session.closed', 'turns', 9],
      ['post.held', 'post_id', 'S1.other'],
    ]
    for (const [type, field, value] of lies) {
      const index = told.findLastIndex((event) => event.type === type)
      const lines = await rewritten(told, index, (event) => ({ ...event, data: { ...event.data, [field]: value } }))
      const [found] = (await verifyLines(lines)).sessions
      expect.soft(found, `${type} ${field}`).toMatchObject({
        events: index,
        bad: { id: told[index]?.id, reason: expect.stringMatching(/^(data|machine): /) },
      })
    }
  })

  it('is found where an id comes twice', async () => {
    const told = eventsAs('S1', story)
    const [first] = told
    const lines = await rewritten(told, 5, (event) => ({ ...event, id: first?.id }))
    expect((await verifyLines(lines)).sessions).toMatchObject([
      { events: 5, bad: { reason: expect.stringMatching(/^id: /) } },
    ])
  })
})

describe('lines of two interleaved sessions', () => {
  const whole = () => exportOf(eventsAs('S1', history), eventsAs('S2', history))

  it('dropped, doubled, swapped and inserted are found', async () => {
    const lines = await whole()
    const place = fc.nat({ max: lines.length - 5 })
    await fc.assert(
      fc.asyncProperty(place, async (n) => {
        const [one = '', two = ''] = [lines[n], lines[n + 1]]
        const rest = lines.slice(n + 2)
        const before = lines.slice(0, n)
        expect(await badOf([...before, two, ...rest]), 'dropped').toHaveLength(1)
        expect(await badOf([...before, one, one, two, ...rest]), 'doubled').toHaveLength(1)
        expect(await badOf([...before, two, one, ...rest]), 'swapped').not.toHaveLength(0)
        expect(await badOf([...before, foreign(one), one, two, ...rest]), 'inserted').not.toHaveLength(0)
      }),
      { numRuns: 30 },
    )
  })

  it('exchanged between the sessions are found', async () => {
    const lines = parsed(await whole())
    const changed = lines.map((line, n) =>
      n === 4 ? { ...line, subject: line['subject'] === 'S1' ? 'S2' : 'S1' } : line,
    )
    expect(await badOf(texts(changed))).toContain(lines[4]?.['id'])
  })

  it('cut off in the middle, or no JSON, are refused by their number', async () => {
    const lines = await whole()
    const last = lines.at(-1) ?? ''
    const cut = [...lines.slice(0, -1), last.slice(0, last.length / 2)]
    await expect(verifyLines(cut)).rejects.toMatchObject({ code: 'history_corrupt', details: { line: lines.length } })
    for (const garbage of ['', 'x', '[]', '7', '{"subject":7}', '{"artifact":{}}']) {
      const put = [...lines.slice(0, 2), garbage, ...lines.slice(2)]
      await expect(verifyLines(put)).rejects.toMatchObject({ code: 'history_corrupt', details: { line: 3 } })
    }
  })
})

describe('messages in the log that are no events', () => {
  it('are counted and harm no history', async () => {
    const ports = memoryPorts()
    const events = eventsAs('S1', history)
    const first = await ports.log.append(events[0] ?? trailOf('S1').next(), 0)
    const planted = ports.log.plant('S1', 'stop', 'garbage')
    ports.log.plant('S9', 'start', '{}')
    ports.log.plant('a.S1', 'stop', '{}')
    expect(await ports.log.append(events[1] ?? trailOf('S1').next(), planted)).toBeGreaterThan(first)
    const verified = await verifyLog(ports)
    expect(verified).toMatchObject({ ok: true, sessions: [{ session_id: 'S1', events: 2 }], parked: { count: 3 } })
    const places = verified.parked.first.map(({ session_id }) => session_id)
    expect(places).toEqual(['S1', 'S9', 'swarm.memory.event.a.S1.stop'])
  })

  it('are bad where the chain goes through them or ends at them', async () => {
    const [first, second, third] = eventsAs('S1', history)
    if (first === undefined || second === undefined || third === undefined) throw new Error('too short')
    const newer = JSON.stringify({ ...second, type: 'session.improved' })
    const through = memoryPorts()
    const version = await through.log.append(first, 0)
    const position = through.log.plant('S1', 'session', newer)
    const atEnd = await verifySessions(through, ['S1'])
    expect(atEnd.sessions).toMatchObject([
      { events: 1, head_hash: first.hash, ok: false, bad: { position, id: second.id } },
    ])
    await through.log.append(third, position)
    expect(version).toBeLessThan(position)
    expect((await verifySessions(through, ['S1'])).sessions).toMatchObject([
      { ok: false, bad: { position, id: second.id } },
    ])
  })

  it('do not hide that a coordinator wrote what was not possible', async () => {
    const ports = memoryPorts()
    const events = eventsAs('S1', history)
    await appendInterleaved(ports.log, [events])
    const head = events.at(-1)?.hash ?? ''
    const late = trailOf('S1').next(stopFact)
    await ports.log.append(sealed({ ...late, prevhash: head }), await ports.log.head())
    expect(await verifyLog(ports)).toMatchObject({ ok: true, parked: { first: [{ code: 'unhandled_event' }] } })
    const forged = trailOf('S2')
    await ports.log.append(forged.next(stopFact), 0)
    expect(await verifyLog(ports)).toMatchObject({ ok: true, parked: { count: 2 } })
    const line = JSON.stringify({ ...trailOf('S2').next(stopFact), position: 1 })
    expect((await verifyLines([line])).sessions).toMatchObject([
      { session_id: 'S2', ok: false, bad: { reason: expect.stringMatching(/^machine: /) } },
    ])
  })

  it('is no session to ask for', async () => {
    await expect(verifySessions(memoryPorts(), ['S1'])).rejects.toMatchObject({ code: 'session_not_found' })
  })
})

/** Ids of all bad events. */
async function badOf(lines: readonly string[]): Promise<string[]> {
  try {
    const { ok, sessions } = await verifyLines(lines)
    const bad = sessions.flatMap((session) => (session.bad === null ? [] : [session.bad.id]))
    expect(ok).toBe(bad.length === 0)
    return bad
  } catch (error) {
    const id = /\(id (.*)\)/.exec(String(error))?.[1]
    if (id === undefined) throw error
    return [id]
  }
}

function another(value: unknown): unknown {
  if (typeof value === 'number') return value + 1
  if (typeof value === 'boolean') return !value
  if (typeof value === 'object' && value !== null) return { ...value, added: 1 }
  return typeof value === 'string' && value.startsWith('S1-') ? 'x' : value === 'x' ? 'y' : 'x'
}

/** Seals a changed event anew, as somebody would who knows how. */
function sealed(line: object): SwarmEvent {
  const { position, hash: _old, ...open } = line as SwarmEvent & { position?: number }
  const hash = hashOf(open, sha256)
  return { ...open, ...(position === undefined ? {} : { position }), hash }
}

/** Changes one event and seals it and all after it anew, as somebody could who owns the whole store. */
async function rewritten(told: SwarmEvent[], index: number, change: (event: SwarmEvent) => object): Promise<string[]> {
  let prevhash = told[0]?.prevhash
  const chain = told.map((event, n) => {
    const link = sealed({ ...(n === index ? change(event) : event), prevhash })
    prevhash = link.hash
    return link
  })
  return texts(chain.map((event, n) => ({ ...event, position: n + 1 })))
}

/** An event of neither session, sealed by itself. */
function foreign(line: string): string {
  const { position } = JSON.parse(line) as { position: number }
  return JSON.stringify({ ...trailOf('S1').next(stopFact), position })
}

type Place = { holder: Record<string, unknown>; key: string }

function leavesOf(value: unknown): Place[] {
  if (typeof value !== 'object' || value === null) return []
  const holder = value as Record<string, unknown>
  return Object.keys(holder).flatMap((key) => {
    const inner = holder[key]
    return typeof inner === 'object' && inner !== null && Object.keys(inner).length > 0
      ? leavesOf(inner)
      : [{ holder, key }]
  })
}
