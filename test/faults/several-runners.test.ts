/** Several runners at one namespace: shared work, a frozen one that is taken over from, and runners told to leave. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildCli } from '../support/cli.ts'
import { killed, openPlace } from '../support/faults.ts'
import { startTestServer, type TestServer } from '../support/nats-server.ts'
import { isAlive } from '../support/processes.ts'
import { allOf, only, typesOf } from '../support/session-trail.ts'

let program: string
let server: TestServer
beforeAll(async () => {
  program = await buildCli()
  server = await startTestServer()
})
afterAll(() => server.stop())

const DONE = `answer '{"status": "done", "summary": "all done"}'`
const STUCK_ONCE = `stick "$ACE_RUNTIME_TASK"\n${DONE}`
const place = (turn: string, ...args: string[]) => openPlace({ program, url: server.url, turn, args })

describe('two runners', () => {
  it('share the work: each session once, oldest first, fair across lanes, never more than they can hold', async () => {
    const turn = `visit turn; ls "$AT" | grep -c ^busy- >> "$AT/at-once"; touch "$AT/busy-$$"; sleep 0.2; rm "$AT/busy-$$"; ${DONE}`
    const { start, runner, next, events, runs, lines, allIsTrue } = await place(turn, '--capacity', '2')
    const sessions = ['a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'b1', 'b2']
    for (const id of sessions) await start(id, { lane: id.charAt(0) })
    const runners = await Promise.all([runner(), runner()])
    for (const id of sessions) await next(id, 'session.closed')
    const trails = await Promise.all(sessions.map(events))
    const claims = trails.map((trail) => only(trail, 'session.claimed')).toSorted((a, b) => a.position - b.position)
    const runnerIds = new Set(claims.map(({ data }) => data.runner_id))
    expect(runnerIds.size).toBe(2)
    for (const runnerId of runnerIds) {
      const ids = claims.filter(({ data }) => data.runner_id === runnerId).map(({ subject }) => subject)
      for (const lane of ['a', 'b']) {
        const inLane = ids.filter((id) => id.startsWith(lane))
        expect(inLane).toEqual(inLane.toSorted())
      }
    }
    // The lane that nothing runs in comes first, however old the other lane's sessions are.
    expect(
      claims
        .slice(0, 4)
        .map(({ subject }) => subject)
        .toSorted(),
    ).toEqual(['a1', 'a2', 'b1', 'b2'])
    expect(await Promise.all(sessions.map((id) => runs(id, 'turn')))).toEqual(sessions.map(() => 1))
    expect(Math.max(...(await lines('at-once')).map(Number))).toBeLessThan(4)
    await Promise.all(runners.map((each) => killed(each, 'SIGTERM')))
    await allIsTrue()
  })

  it('of which one is frozen for longer than its lease: it ends its part and writes nothing more', async () => {
    const { start, runner, next, events, reached, lines, has, touch, allIsTrue } = await place(
      STUCK_ONCE,
      '--lease-ttl-ms',
      '1000',
    )
    await start('one')
    const frozen = await runner()
    await reached('pid-one-one')
    const [left] = (await lines('pid-one-one')).map(Number)
    frozen.child.kill('SIGSTOP')
    const other = await runner()
    await next('one', 'session.closed')
    expect(isAlive(left ?? 0)).toBe(false)
    expect(has('overlaps')).toBe(false)
    await killed(other, 'SIGTERM')
    frozen.child.kill('SIGCONT')
    await frozen.prints("is not this runner's any more")
    await touch('go')
    await start('two')
    await next('two', 'session.closed')
    const [one, two] = [await events('one'), await events('two')]
    const [first, second] = allOf(one, 'session.claimed')
    expect(
      one.filter(({ source, position }) => source === first?.source && position > (second?.position ?? 0)),
    ).toEqual([])
    expect(only(one, 'turn.interrupted').data).toMatchObject({ turn_number: 1 })
    expect(only(two, 'session.claimed').source).toBe(first?.source)
    await killed(frozen, 'SIGTERM')
    await allIsTrue()
  })
})

describe('a runner that is told to leave', () => {
  it('lets a short turn finish and exits with 0', async () => {
    const { start, runner, reached, touch, next, events, allIsTrue } = await place(STUCK_ONCE)
    await start('short')
    const leaving = await runner()
    await reached('pid-short-short')
    leaving.child.kill('SIGTERM')
    await leaving.prints('draining 1 session;')
    await touch('go')
    expect((await leaving.ended).code).toBe(0)
    const types = typesOf(await events('short'))
    expect(types).toContain('turn.exited')
    expect(types).not.toContain('turn.interrupted')
    const other = await runner()
    await next('short', 'session.closed')
    await killed(other, 'SIGTERM')
    await allIsTrue()
  })

  it('hands a long turn back after drain-ms, for another runner to go on with', async () => {
    const { start, runner, reached, lines, next, events, allIsTrue } = await place(STUCK_ONCE, '--drain-ms', '300')
    await start('long')
    const leaving = await runner()
    await reached('pid-long-long')
    leaving.child.kill('SIGTERM')
    expect((await leaving.ended).code).toBe(0)
    expect((await lines('pid-long-long')).map(Number).map(isAlive)).toEqual([false])
    const before = await events('long')
    expect(before.at(-1)).toMatchObject({ type: 'turn.interrupted' })
    expect(only(before, 'turn.interrupted').data.reason).toContain('shutting down')
    const other = await runner()
    await next('long', 'session.closed')
    await killed(other, 'SIGTERM')
    await allIsTrue()
  })

  it('ends at once when told twice, with all its processes', async () => {
    const { start, runner, reached, lines, next, events, allIsTrue } = await place(STUCK_ONCE)
    await start('twice')
    const leaving = await runner()
    await reached('pid-twice-twice')
    leaving.child.kill('SIGTERM')
    await leaving.prints('draining')
    const before = await events('twice')
    leaving.child.kill('SIGTERM')
    expect((await leaving.ended).code).toBe(143)
    expect((await lines('pid-twice-twice')).map(Number).map(isAlive)).toEqual([false])
    expect(await events('twice')).toEqual(before)
    const other = await runner()
    await next('twice', 'session.closed')
    await killed(other, 'SIGTERM')
    await allIsTrue()
  })
})
