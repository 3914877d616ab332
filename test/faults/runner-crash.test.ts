/** A runner killed at any point: the next one ends what it left running, goes on, and repeats nothing that was recorded. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildCli } from '../support/cli.ts'
import { killed, openPlace } from '../support/faults.ts'
import { startTestServer, type TestServer } from '../support/nats-server.ts'
import { isAlive } from '../support/processes.ts'
import { allOf, only, typesOf } from '../support/session-trail.ts'

/** Longer than the test may take: whoever had to wait for a dead runner's lease would come too late. */
const leaseMs = '60000'

let program: string
let server: TestServer
beforeAll(async () => {
  program = await buildCli()
  server = await startTestServer()
})
afterAll(() => server.stop())

/** Each session is named after the point at which its runner is killed. */
const STUCK = ['create', 'check', 'before', 'turn', 'tool', 'verify', 'after'] as const
const SESSIONS = [...STUCK, 'backoff']
/** Where the points come in a session's life. */
const POINTS = ['create', 'check', 'before', 'turn', 'tool', 'verify', 'after'] as const

const at = (point: string) => `. "$AT/library.sh"; stick ${point}`
const TURN = `
stick turn
case "$ACE_RUNTIME_TASK:$ACE_RUNTIME_TURN_NUMBER" in
  backoff:1) exec sleep 600 ;;
  tool:1) answer '{"status": "continue", "summary": "tools", "tool_calls": [{"name": "list_files", "input": {}},
    {"name": "run_command", "input": {"command": "ACE_RUNTIME_TASK=tool; . $AT/library.sh; stick tool"}}]}' ;;
  *) answer '{"status": "done", "summary": "all done"}' ;;
esac`

describe('a runner that is killed', () => {
  it('in any phase leaves sessions that the next one brings to their end', { timeout: 60_000 }, async () => {
    const place = await openPlace({
      program,
      url: server.url,
      turn: TURN,
      args: ['--lease-ttl-ms', leaseMs, '--capacity', '8'],
      config: {
        liveness: { stall_window_ms: 2_500, initial_backoff_ms: 2_500 },
        hooks: { after_create: at('create'), before_run: at('before'), after_run: at('after') },
        autonomy: { before_run: [{ name: 'c', command: at('check') }], stop: [{ name: 'v', command: at('verify') }] },
      },
    })
    for (const id of SESSIONS) await place.start(id)
    const first = await place.runner()
    for (const point of STUCK) await place.reached(`pid-${point}-${point}`)
    const stalled = await place.next('backoff', 'turn.stalled')
    const before = new Map<string, string[]>()
    await killed(first)
    for (const id of SESSIONS)
      before.set(
        id,
        (await place.events(id)).map((event) => event.id),
      )
    const left = await Promise.all(STUCK.map(async (point) => Number((await place.lines(`pid-${point}-${point}`))[0])))
    expect(left.map(isAlive)).toEqual(left.map(() => true))

    const second = await place.runner()
    for (const id of SESSIONS) await place.next(id, 'session.closed')
    expect(left.map(isAlive)).toEqual(left.map(() => false))
    expect(place.has('overlaps')).toBe(false)
    for (const id of SESSIONS) {
      const events = await place.events(id)
      expect(events.slice(0, before.get(id)?.length).map((event) => event.id)).toEqual(before.get(id))
      expect(only(events, 'session.completed').data).toMatchObject({ reason_code: 'done' })
      expect(allOf(events, 'session.claimed').map(({ data }) => data.epoch)).toEqual([1, 2])
      // What was recorded is not done again: each of these has one result.
      const results = typesOf(events).filter((type) => /^(workspace|checks|session\.(started|closed))/.test(type))
      expect(new Set(results).size + 1).toBe(results.length)
      expect(allOf(events, 'hook.finished').map(({ data }) => [data.hook, data.ok])).toEqual([
        ['after_create', true],
        ['before_run', true],
        ['after_run', true],
      ])
      const interrupted = allOf(events, 'turn.interrupted').map(({ data }) => data.turn_number)
      expect(interrupted).toEqual(id === 'turn' ? [1] : [])
      const runs = await Promise.all(POINTS.map((point) => place.runs(id, point)))
      // Only what had begun without a result was run twice.
      const expected = POINTS.map((point) => (point === id ? 2 : point === 'tool' ? 0 : 1))
      if (id === 'tool' || id === 'backoff') expected[POINTS.indexOf('turn')] = 2
      expect({ id, runs }).toEqual({ id, runs: expected })
    }
    const turn = await place.events('turn')
    expect(only(turn, 'turn.interrupted').data.reason).toContain(`ended its processes`)
    expect(allOf(turn, 'turn.started').map(({ data }) => data.kind)).toEqual(['first', 'interrupted'])
    expect(allOf(await place.events('tool'), 'tool.finished').map(({ data }) => [data.call, data.ok])).toEqual([
      [0, true],
      [1, true],
    ])
    const [, again] = allOf(await place.events('backoff'), 'turn.started')
    expect(Date.parse(again?.time ?? '')).toBeGreaterThanOrEqual(Date.parse(stalled.data.due_at ?? ''))
    await killed(second, 'SIGTERM')
    await place.allIsTrue()
  })
})
