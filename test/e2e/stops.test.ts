/** A stop is honoured wherever the session is: processes are ended, the turn is recorded as stopped, cleanup runs. */
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { exists } from '../support/repositories.ts'
import { answer, done, type Finished, goOn, hang, type Scenario, scenarios } from '../support/scenario.ts'
import { allOf, only, typesOf } from '../support/session-trail.ts'
import { until } from '../support/until.ts'

const scenario = scenarios()
const stopped = {
  status: 'stopped',
  phase: 'closed',
  reason_code: 'stop_requested',
  result_summary: 'stopped by client/test: enough',
}

/** Starts a session, and stops it once it has made the file. */
async function stopAt(s: Scenario, mark: string): Promise<Finished> {
  const sessionId = await s.start()
  await until(`${mark} is there`, () => exists(join(s.directory, mark)))
  return stop(s, sessionId)
}

async function stop(s: Scenario, sessionId: string): Promise<Finished> {
  const accepted = await s.swarm.stop(sessionId, { reason: 'enough' })
  expect(accepted).toMatchObject({ ok: true })
  return s.closed(sessionId)
}

it.concurrent('in queued, before any runner: the next runner only closes it', async (test) => {
  const s = await scenario(test, { served: false, config: { hooks: { after_create: 'exit 1' } } })
  const sessionId = await s.start()
  expect(await s.swarm.stop(sessionId, { reason: 'enough' })).toMatchObject({ ok: true })
  expect(await s.swarm.stop(sessionId)).toMatchObject({ ok: false, code: 'not_accepted_in_phase', phase: 'cleanup' })
  await s.serve()
  const { record, events } = await s.closed(sessionId)
  expect(record).toMatchObject({ ...stopped, turn_count: 0, workspace_path: null })
  expect(typesOf(events)).toEqual([
    'start.requested',
    'stop.requested',
    'session.claimed',
    'session.stopped',
    'session.closed',
  ])
})

it.concurrent('in queued, while a runner serves others: capacity does not matter', async (test) => {
  const s = await scenario(test, { turns: [hang('first')], runner: { capacity: 1 } })
  const first = await s.start()
  await until('the first runs', () => exists(join(s.directory, 'first')))
  const second = await s.start()
  expect(await s.swarm.stop(second, { reason: 'enough' })).toMatchObject({ ok: true })
  await stop(s, first)
  expect((await s.closed(second)).record).toMatchObject({ ...stopped, turn_count: 0 })
})

it.concurrent('in a hook before the run', async (test) => {
  const s = await scenario(test, {
    config: { hooks: { after_create: 'touch ../../../hook; (sleep 600 &); sleep 600', after_run: 'true' } },
  })
  const { record, events } = await stopAt(s, 'hook')
  expect(record).toMatchObject({ ...stopped, turn_count: 0, workspace_cleanup_status: 'removed' })
  expect(only(events, 'hook.finished').data).toMatchObject({
    hook: 'after_create',
    ok: false,
    error: 'ended by a stop',
  })
})

it.concurrent('in a turn: it is recorded as stopped, its output is kept, after_run runs once', async (test) => {
  const s = await scenario(test, {
    config: { hooks: { before_run: 'true', after_run: 'echo bye' } },
    turns: [`echo x > new.txt; echo begun; (trap "" TERM; sleep 600) & ${hang()}`],
  })
  const { record, events } = await stopAt(s, 'hanging')
  expect(record).toMatchObject({ ...stopped, turn_count: 1 })
  expect(record.turns[0]).toMatchObject({ status: 'stopped', stdout: 'begun\n' })
  expect(only(events, 'turn.stopped').data).toMatchObject({ turn_number: 1, reason: 'enough' })
  expect(only(events, 'workspace.captured').data.files).toEqual([{ path: 'new.txt', change: 'added' }])
  expect(allOf(events, 'hook.finished').map(({ data }) => [data.hook, data.ok])).toEqual([
    ['before_run', true],
    ['after_run', true],
  ])
})

it.concurrent('in a tool call: the turn is recorded as stopped, further calls are not made', async (test) => {
  const command = 'touch ../../../tool; (sleep 600 &); sleep 600'
  const tool_calls = [{ name: 'run_command', input: { command } }, { name: 'list_files' }]
  const s = await scenario(test, { turns: [answer({ status: 'continue', summary: 'tools', tool_calls })] })
  const { record, events } = await stopAt(s, 'tool')
  expect(record).toMatchObject({ ...stopped, turn_count: 1 })
  expect(only(events, 'tool.finished').data).toMatchObject({ ok: false, error: { code: 'aborted' } })
  expect(typesOf(events)).not.toContain('turn.completed')
  only(events, 'turn.stopped')
})

it.concurrent('in a check before the run', async (test) => {
  const before_run = ['touch ../../../check; sleep 600', 'true']
  const s = await scenario(test, { config: { autonomy: { before_run } } })
  const { record, events } = await stopAt(s, 'check')
  expect(record).toMatchObject({ ...stopped, turn_count: 0 })
  expect(only(events, 'checks.failed').data.checks.map(({ output }) => output)).toContain('ended by a stop')
})

it.concurrent('in a stop check: what was claimed is neither believed nor refused', async (test) => {
  const s = await scenario(test, {
    turns: [done()],
    config: { autonomy: { stop: ['touch ../../../check; sleep 600'] } },
  })
  const { record, events } = await stopAt(s, 'check')
  expect(record).toMatchObject({ ...stopped, turn_count: 1, verified: null })
  expect(only(events, 'checks.failed').data.stage).toBe('stop')
})

it.concurrent('in the backoff after a stall: no further turn', async (test) => {
  const liveness = { stall_window_ms: 1000, initial_backoff_ms: 1000 }
  const s = await scenario(test, {
    turns: [goOn(), hang()],
    config: { liveness },
  })
  const sessionId = await s.start()
  await s.next(sessionId, 'turn.stalled')
  const { record, events } = await stop(s, sessionId)
  expect(record).toMatchObject(stopped)
  expect(typesOf(events).slice(typesOf(events).indexOf('stop.requested'), -2)).toEqual([
    'stop.requested',
    'session.stopped',
    'workspace.captured',
  ])
})

it.concurrent('in blocked, while it is held: the outcome stays blocked, and the workspace is removed', async (test) => {
  const s = await scenario(test, {
    turns: [answer({ status: 'blocked', summary: 'which?' })],
    config: { blocked: { hold_ms: 600_000 } },
  })
  const sessionId = await s.start()
  await s.next(sessionId, 'session.blocked')
  const { record } = await stop(s, sessionId)
  expect(record).toMatchObject({
    status: 'blocked',
    reason_code: 'executor_blocked',
    workspace_cleanup_status: 'removed',
  })
})

it.concurrent('is refused once the session is over, and for one that never was', async (test) => {
  const s = await scenario(test, { turns: [done()] })
  const { sessionId, events } = await s.run()
  expect(await s.swarm.stop(sessionId)).toMatchObject({ ok: false, code: 'not_accepted_in_phase', phase: 'closed' })
  expect(await s.swarm.stop('nobody')).toMatchObject({ ok: false, code: 'session_not_found' })
  expect(await s.events(sessionId)).toEqual(events)
})
