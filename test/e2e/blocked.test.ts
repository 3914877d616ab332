/** A blocked session may be held: waiting callers hear of the block at once, and it can go on or end. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { exists } from '../support/repositories.ts'
import { answer, done, scenarios } from '../support/scenario.ts'
import { allOf, only, typesOf } from '../support/session-trail.ts'

const scenario = scenarios()
const ask = answer({ status: 'blocked', summary: 'which one?' })

it.concurrent('wait settles at the block; the workspace is kept; resume goes on to another outcome', async (test) => {
  const s = await scenario(test, {
    turns: [`echo x > half.txt; ${ask}`, `test -e half.txt && ${done('the blue one')}`],
    config: { blocked: { hold_ms: 600_000 }, hooks: { before_run: 'true', after_run: 'true' } },
  })
  const sessionId = await s.start()
  const waited = await s.swarm.wait(sessionId, { timeoutMs: 20_000 })
  expect(waited).toMatchObject({ ok: false, timedOut: false, phase: 'blocked', session: { status: 'blocked' } })
  expect(waited.session).toMatchObject({ reason_code: 'executor_blocked', ended_at: null })
  expect(await exists(join(waited.session?.workspace_path ?? '', 'half.txt'))).toBe(true)

  expect(await s.swarm.resume(sessionId, { by: 'client/alice', guidance: 'blue' })).toMatchObject({ ok: true })
  const { events, record } = await s.closed(sessionId)
  expect(await s.swarm.wait(sessionId)).toMatchObject({ ok: true, phase: 'closed' })
  expect(record).toMatchObject({ status: 'completed', result_summary: 'the blue one', turn_count: 2, last_error: null })
  expect(only(events, 'resume.requested').data).toMatchObject({ by: 'client/alice', guidance: 'blue' })
  expect(allOf(events, 'hook.finished').map(({ data }) => data.hook)).toEqual(['before_run', 'after_run'])
  expect(await s.swarm.resume(sessionId)).toMatchObject({ ok: false, code: 'not_accepted_in_phase' })
})

it.concurrent('the end of the hold leads to cleanup, and the outcome stays blocked', async (test) => {
  const s = await scenario(test, { turns: [`echo x > half.txt; ${ask}`], config: { blocked: { hold_ms: 300 } } })
  const { events, record } = await s.run()
  expect(record).toMatchObject({
    status: 'blocked',
    reason_code: 'executor_blocked',
    workspace_cleanup_status: 'removed',
  })
  expect(only(events, 'stop.requested').data.reason).toBe('nobody resumed it within 300 ms')
  expect(only(events, 'workspace.captured').data.files).toEqual([{ path: 'half.txt', change: 'added' }])
})

it.concurrent('the hold goes on under another runner, for as long as is left of it', async (test) => {
  const s = await scenario(test, { served: false, turns: [ask, done()], config: { blocked: { hold_ms: 600_000 } } })
  const first = await s.serve()
  const sessionId = await s.start()
  const { data } = await s.next(sessionId, 'session.blocked')
  await first.close({ drainMs: 0 })
  await s.serve()
  await s.next(sessionId, 'session.claimed', (event) => event.data.epoch === 2)
  await s.swarm.resume(sessionId, { guidance: 'go' })
  const { record, events } = await s.closed(sessionId)
  expect(record).toMatchObject({ status: 'completed', turn_count: 2 })
  expect(allOf(events, 'session.blocked').map((event) => event.data.hold_until)).toEqual([data.hold_until])
})

it.concurrent('held sessions take no capacity', async (test) => {
  const s = await scenario(test, {
    runner: { capacity: 1 },
    turns: [`case $ACE_RUNTIME_TASK in ask) ${ask};; *) ${done()};; esac`],
    config: { blocked: { hold_ms: 600_000 } },
  })
  const held = await s.start('ask')
  await s.next(held, 'session.blocked')
  expect((await s.run('go')).record.status).toBe('completed')
  expect((await s.record(held)).phase).toBe('blocked')
  await s.swarm.stop(held)
  await s.closed(held)
})

it.concurrent('one blocked by checks before the run repeats them on resume', async (test) => {
  const s = await scenario(test, {
    turns: [done()],
    config: { blocked: { hold_ms: 600_000 }, autonomy: { before_run: [{ file_exists: 'ready.txt' }] } },
  })
  const sessionId = await s.start()
  const first = await s.next(sessionId, 'session.blocked')
  await s.swarm.resume(sessionId, { guidance: 'look again' })
  await s.next(sessionId, 'session.blocked', (event) => event.position > first.position)
  await writeFile(join((await s.record(sessionId)).workspace_path ?? '', 'ready.txt'), '')
  await s.swarm.resume(sessionId, { guidance: 'now' })
  const { record, events } = await s.closed(sessionId)
  expect(record).toMatchObject({ status: 'completed', turn_count: 1 })
  expect((await s.given(sessionId, 1)).request).toMatchObject({ kind: 'first', guidance: 'now' })
  expect(typesOf(events).filter((type) => type.startsWith('checks.'))).toEqual([
    'checks.failed',
    'checks.failed',
    'checks.passed',
  ])
})

it.concurrent('a session without a turn left is not held, and resume is refused', async (test) => {
  const s = await scenario(test, { turns: [ask], config: { blocked: { hold_ms: 600_000 } } })
  const { record, sessionId, events } = await s.run({ task: 'x', max_turns: 1 })
  expect(record).toMatchObject({ status: 'blocked', phase: 'closed' })
  expect(only(events, 'session.blocked').data).toMatchObject({ hold_until: null })
  expect(await s.swarm.resume(sessionId)).toMatchObject({ ok: false, code: 'not_accepted_in_phase' })
})
