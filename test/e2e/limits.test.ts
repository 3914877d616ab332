/** Large tasks, answers and tool results: a session keeps within its limits and ends with a reason, and views keep up. */
import { expect, it } from 'vitest'
import { projections } from '../../src/projections/catalog.ts'
import { VIEW_NAMES, storeNameOf } from '../../src/projections/names.ts'
import { done, goOn, type Scenario, scenarios } from '../support/scenario.ts'
import { allOf, only } from '../support/session-trail.ts'
import { until } from '../support/until.ts'

const scenario = scenarios()

const KIB = 1024

/** Shell text that answers with a field of that many letters. */
const answerLong = (field: string, length: number, rest: string) =>
  `{ printf '{"${field}":"'; head -c ${length} /dev/zero | tr '\\0' x; printf '",${rest}}'; } > "$ACE_RUNTIME_RESPONSE_FILE"`

async function projected(s: Scenario): Promise<void> {
  const head = await s.swarm.ports.log.head()
  await until('the projector has stored all', async () => {
    const stores = VIEW_NAMES.map((view) => storeNameOf(projections[view]))
    const points = await Promise.all(stores.map((store) => s.swarm.ports.views.checkpoint(store)))
    return points.every((point) => point >= head)
  })
}

it.concurrent('a summary of half a megabyte', async (test) => {
  const s = await scenario(test, { turns: [answerLong('summary', 500_000, '"status":"failed"')] })
  const { record } = await s.run({ task: 'long', objective_id: 'O1' })
  expect(record).toMatchObject({ status: 'failed', reason_code: 'executor_failed' })
  expect((await s.run({ task: 'after', objective_id: 'O1' })).record.status).toBe('failed')
  await projected(s)
})

it.concurrent('a task of most of a megabyte reaches the executor by its request and prompt', async (test) => {
  const task = 'long '.repeat(180 * KIB)
  const s = await scenario(test, {
    turns: [done()],
    config: { hooks: { before_run: 'true' }, autonomy: { before_run: ['true'], stop: ['true'] } },
  })
  const { sessionId, record } = await s.run(task)
  expect(record).toMatchObject({ status: 'completed' })
  const { request, prompt } = await s.given(sessionId, 1)
  expect((request['task'] as string).length).toBe(task.length)
  expect(prompt.length).toBe(task.length)
  await projected(s)
})

it.concurrent('a task so large that later events can not hold it fails the session, and never hangs it', async (test) => {
  const s = await scenario(test, { turns: [done()] })
  const { record } = await s.run('x'.repeat(1_047_200))
  expect(record).toMatchObject({ status: 'failed', reason_code: 'runner_error' })
  expect(record.result_summary).toBe('prepareTurn: its result is too large for turn.started')
  const refused = { ok: false, code: 'invalid_argument', message: expect.stringMatching(/too large/) as string }
  expect(await s.swarm.start({ task: 'x'.repeat(2_000_000) })).toMatchObject(refused)
  await projected(s)
})

it.concurrent('many tool calls with large results', async (test) => {
  const tool_calls = Array.from({ length: 30 }, () => ({ name: 'read_file_lines', input: { path: 'long.txt' } }))
  const s = await scenario(test, {
    source: { 'long.txt': `${'\u0001'.repeat(2000)}\n`.repeat(1000) },
    turns: [goOn('read', { tool_calls }), goOn('once more', { tool_calls }), done()],
  })
  const { events, sessionId, record } = await s.run()
  expect(record).toMatchObject({ status: 'completed', turn_count: 3 })
  expect(allOf(events, 'tool.finished').filter(({ data }) => data.ok)).toHaveLength(60)
  expect((await s.given(sessionId, 2)).request['previous_tool_calls']).toHaveLength(30)
  await projected(s)
})

it.concurrent('output of many megabytes: a clipped tail in the event, and the rest as an artifact', async (test) => {
  const s = await scenario(test, { turns: [`head -c 5000000 /dev/zero | tr '\\0' y; echo; echo the end; ${done()}`] })
  const { events } = await s.run()
  const { stdout } = only(events, 'turn.exited').data
  expect(stdout).toMatchObject({ clipped: true, bytes: 5_000_009 })
  expect(stdout.tail).toMatch(/y\nthe end\n$/)
  expect(stdout.tail.length).toBeLessThanOrEqual(4 * KIB)
  if (stdout.artifact === null) throw new Error('no artifact')
  expect(await s.artifact(stdout.artifact)).toMatch(/the end\n$/)
})
