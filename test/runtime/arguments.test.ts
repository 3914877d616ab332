/** What programs without types may give the client: refused by name, with nothing written and nobody else's read. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { MemoryEventLog } from '../../src/adapters/memory/event-log.ts'
import { createSwarm, type Swarm } from '../../src/runtime/swarm.ts'
import { inputOf } from '../support/facts.ts'
import { finish, tell } from '../support/histories.ts'
import { appendInterleaved, eventsAs, memoryPorts } from '../support/told-log.ts'

/** A method as JavaScript sees it. */
type Untyped = (...given: unknown[]) => Promise<unknown>

let log: MemoryEventLog
let swarm: Swarm
beforeEach(async () => {
  const ports = memoryPorts()
  log = ports.log
  swarm = createSwarm(ports, { source: 'client/test' })
  const begun = tell({ front: {}, input: inputOf() }, [0, 0, 0])
  await appendInterleaved(log, [eventsAs('S1', finish(begun)), eventsAs('S2', begun)])
})

const call = (method: string, given: readonly unknown[]) =>
  (swarm as Record<string, unknown> as Record<string, Untyped>)[method]?.call(swarm, ...given)

describe('a request', () => {
  it.each([
    ['stop', ['S2', { reason: 5 }], 'reason: expected string'],
    ['stop', ['S2', { by: {} }], 'by: expected string'],
    ['stop', ['S2', null], 'options: expected object, got null'],
    ['stop', ['S2', 'because'], 'options: expected object, got "because"'],
    ['stop', [undefined], 'session_id: expected 1 to 64 characters of A-Z a-z 0-9 _ -, got undefined'],
    ['approve', [5], 'post 5: expected SESSION.EVENT'],
    ['deny', [undefined], 'post undefined: expected SESSION.EVENT'],
    ['start', [null], 'the request: expected an object'],
    ['start', ['a task'], 'the request: expected an object'],
    ['start', [{ task: 5 }], 'task: expected string'],
    ['start', [{ task: 'a', labels: JSON.parse('{"__proto__":"1"}') as unknown }], 'labels: __proto__ is no name'],
    ['start', [{ task: 'a', context: JSON.parse('{"__proto__":1}') as unknown }], 'context: __proto__ is no name'],
  ])('%s%j is refused as a value', async (method, given, message) => {
    const head = await log.head()
    const refused = { ok: false, code: 'invalid_argument', message: expect.stringContaining(message) as string }
    expect(await call(method, given)).toEqual(refused)
    expect(await log.head()).toBe(head)
  })
})

describe('a question', () => {
  it.each([
    ['wait', [undefined], 'session_id: expected 1 to 64 characters of A-Z a-z 0-9 _ -, got undefined'],
    ['wait', [['S1']], 'session_id: expected 1 to 64 characters of A-Z a-z 0-9 _ -, got an array'],
    ['wait', ['S1', { timeoutMs: '5' }], 'timeoutMs: expected number, got "5"'],
    ['get', [undefined], 'session_id: expected'],
    ['get', ['S1', { atLeast: -1 }], 'atLeast: expected integer >= 0, got -1'],
    ['replay', [undefined], 'session_id: expected'],
    ['replay', ['S1', { at: {} }], 'place an object: expected start, now, a position or a time'],
    ['replaySteps', ['S1', null], 'options: expected object, got null'],
    ['list', [{ limit: -1 }], 'limit: expected integer >= 0, got -1'],
    ['list', [{ limit: 'x' }], 'limit: expected integer >= 0, got "x"'],
    ['list', [{ at: -1 }], 'at: expected integer >= 0, got -1'],
    ['list', [{ status: 'done' }], 'status: expected one of starting, '],
    ['list', [{ labels: 'a' }], 'labels: expected object, got "a"'],
    ['view', ['registry'], 'key: expected string, got undefined'],
    ['views', ['registry', { at: 1.5 }], 'at: expected integer >= 0, got 1.5'],
  ])('%s%j is refused by a fault', async (method, given, message) => {
    await expect(call(method, given)).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining(message) as string,
      retryable: false,
    })
  })

  it.each([
    [{ sessionId: null }, 'sessionId: expected 1 to 64'],
    [{ until: 'nope' }, 'until: expected one of closed, now, got "nope"'],
    [{ types: 'session.*' }, 'types: expected an array, of each string, got "session.*"'],
    [{ signal: 5 }, 'signal: expected AbortSignal, got 5'],
    [{ from: null }, 'place null: expected start, now'],
  ])('events(%j) is refused once it is asked for the first', async (given, message) => {
    const events = (swarm as Record<string, unknown> as Record<string, (given: unknown) => AsyncGenerator>)['events']
    await expect(events?.call(swarm, given).next()).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining(message) as string,
    })
  })

  it('for a view that there is not is unknown_view', async () => {
    await expect(call('view', ['registy', 'S1'])).rejects.toMatchObject({ code: 'unknown_view' })
    await expect(call('views', [5])).rejects.toMatchObject({
      code: 'unknown_view',
      message: expect.stringContaining('no view 5'),
    })
  })
})
