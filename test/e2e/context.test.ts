/** What a turn is told: earlier sessions, earlier turns, what cut the last one short, and the guidance of people. */
import { expect, it } from 'vitest'
import { answer, done, goOn, hang, scenarios } from '../support/scenario.ts'
import { only } from '../support/session-trail.ts'

const scenario = scenarios()

const TELL_ALL = `{{ task }}
{% for entry in recall %}recalled {{ entry.session_id }} {{ entry.outcome }}: {{ entry.summary }} [{{ entry.files | join: "," }}] [{{ entry.evidence_refs | join: "," }}]
{% endfor %}{% for entry in continuity %}turn {{ entry.turn_number }} {{ entry.status }}: {{ entry.summary }}
{% endfor %}{% if stall %}cut short: {{ stall.reason }} {{ stall.restart }} of {{ stall.restarts_max }}{% endif %}
{% if guidance %}guidance: {{ guidance }}{% endif %}`

it.concurrent('recall: the next session of an objective or ticket sees how earlier ones ended', async (test) => {
  const s = await scenario(test, {
    prompt: TELL_ALL,
    turns: [
      `case $ACE_RUNTIME_TASK in
      fail*) ${answer({ status: 'failed', summary: 'the schema is frozen' })};;
      *) echo x > "$ACE_RUNTIME_TASK.txt"; ${answer({ status: 'done', summary: 'found it', evidence_refs: ['log:42'] })};;
      esac`,
    ],
  })
  await s.run({ task: 'fail', session_id: 'first', objective_id: 'O1' })
  await s.run({ task: 'second', session_id: 'second', objective_id: 'O1', tracker_item_id: 'T1' })
  await s.run({ task: 'other', session_id: 'other', objective_id: 'O2' })
  await s.run({ task: 'third', session_id: 'third', objective_id: 'O1' })
  await s.run({ task: 'ticket', session_id: 'ticket', tracker_item_id: 'T1' })
  const failed = {
    session_id: 'first',
    outcome: 'failed',
    summary: 'the schema is frozen',
    evidence_refs: [],
    files: [],
  }
  const found = {
    session_id: 'second',
    outcome: 'completed',
    summary: 'found it',
    evidence_refs: ['log:42'],
    files: ['second.txt'],
  }
  expect((await s.given('second', 1)).request).toMatchObject({ recall: [failed] })
  expect((await s.given('other', 1)).request).toMatchObject({ recall: [] })
  const third = await s.given('third', 1)
  expect(third.request).toMatchObject({ objective_id: 'O1', tracker_item_id: null, recall: [found, failed] })
  expect(third.prompt).toContain('recalled first failed: the schema is frozen [] []')
  expect(third.prompt).toContain('recalled second completed: found it [second.txt] [log:42]')
  const ticket = await s.given('ticket', 1)
  expect(ticket.request).toMatchObject({ recall: [found] })
})

it.concurrent('recall and continuity can be switched off', async (test) => {
  const s = await scenario(test, {
    prompt: TELL_ALL,
    turns: [goOn(), done()],
    config: { context: { recall: false, continuity: false } },
  })
  await s.run({ task: 'a', objective_id: 'O1' })
  const { sessionId } = await s.run({ task: 'b', objective_id: 'O1' })
  expect((await s.given(sessionId, 2)).request).toMatchObject({ recall: [], continuity: [] })
  expect((await s.given(sessionId, 2)).prompt.trim()).toBe('b')
})

it.concurrent('continuity: earlier turns in brief, the latest twenty, each clipped', async (test) => {
  const long = 'long '.repeat(1000)
  const s = await scenario(test, {
    prompt: TELL_ALL,
    turns: [goOn('one'), goOn('two', { evidence_refs: ['e2'] }), goOn(long)],
    config: { executor: { max_turns: 23 } },
  })
  const { sessionId } = await s.run()
  const third = await s.given(sessionId, 3)
  expect(third.request).toMatchObject({
    continuity: [
      { turn_number: 1, kind: 'first', status: 'continue', summary: 'one', evidence_refs: [] },
      { turn_number: 2, kind: 'continuation', status: 'continue', summary: 'two', evidence_refs: ['e2'] },
    ],
  })
  expect(third.prompt).toContain('turn 1 continue: one\nturn 2 continue: two\n')
  const last = (await s.given(sessionId, 23)).request['continuity'] as { turn_number: number; summary: string }[]
  expect(last.map((brief) => brief.turn_number)).toEqual(Array.from({ length: 20 }, (_, index) => index + 3))
  expect(last[0]?.summary).toHaveLength(1000)
})

it.concurrent('a stall restart is told what stalled, and its success ends the count', async (test) => {
  const s = await scenario(test, {
    prompt: TELL_ALL,
    turns: [`echo x > half.txt; ${hang()}`, goOn('recovered'), done()],
    config: { liveness: { stall_window_ms: 500, initial_backoff_ms: 10 } },
  })
  const { sessionId, record } = await s.run()
  expect(record).toMatchObject({ status: 'completed', turn_count: 3 })
  const second = await s.given(sessionId, 2)
  expect(second.request).toMatchObject({
    kind: 'stall_restart',
    task: 'do it',
    stall: { turn_number: 1, reason: 'stalled', restart: 1, restarts_max: 2 },
    continuity: [{ turn_number: 1, status: 'stalled' }],
  })
  expect(second.prompt).toContain('cut short: stalled 1 of 2')
  expect((await s.given(sessionId, 3)).request).toMatchObject({ kind: 'continuation', stall: null })
})

it.concurrent('the default prompt tells all of it', async (test) => {
  const s = await scenario(test, {
    prompt: '',
    turns: [hang(), answer({ status: 'blocked', summary: 'which one?' }), done()],
    config: { liveness: { stall_window_ms: 500, initial_backoff_ms: 10 }, blocked: { hold_ms: 60_000 } },
  })
  const sessionId = await s.start({ task: 'the task itself', objective_id: 'O1' })
  await s.next(sessionId, 'session.blocked')
  await s.swarm.resume(sessionId, { guidance: 'take the blue one' })
  await s.closed(sessionId)
  expect((await s.given(sessionId, 2)).prompt).toContain('The previous turn fell silent')
  const { prompt } = await s.given(sessionId, 3)
  for (const text of ['the task itself', 'objective O1', 'take the blue one', 'which one?', '- read_file_lines: ']) {
    expect(prompt).toContain(text)
  }
})

it.concurrent('resume: the guidance reaches the next turn, and only that', async (test) => {
  const s = await scenario(test, {
    prompt: TELL_ALL,
    turns: [answer({ status: 'blocked', summary: 'which one?' }), goOn(), done()],
    config: { blocked: { hold_ms: 60_000 } },
  })
  const sessionId = await s.start()
  await s.next(sessionId, 'session.blocked')
  expect(await s.swarm.resume(sessionId, { guidance: 'the blue one' })).toMatchObject({ ok: true })
  const { record } = await s.closed(sessionId)
  expect(record).toMatchObject({ status: 'completed', turn_count: 3 })
  const second = await s.given(sessionId, 2)
  expect(second.request).toMatchObject({
    kind: 'continuation',
    guidance: 'the blue one',
    continuity: [{ turn_number: 1, status: 'blocked', summary: 'which one?' }],
  })
  expect(second.prompt).toContain('guidance: the blue one')
  expect((await s.given(sessionId, 3)).request).toMatchObject({ guidance: null })
})

it.concurrent('a turn that a runner could not finish is interrupted, and the next runner tells the next turn', async (test) => {
  const s = await scenario(test, {
    served: false,
    prompt: TELL_ALL,
    turns: [`echo x > half.txt; echo begun; ${hang()}`, `test -e half.txt && ${done('finished it')}`],
    config: { liveness: { initial_backoff_ms: 10 } },
  })
  const first = await s.serve({ runnerId: 'first' })
  const sessionId = await s.start()
  await s.next(sessionId, 'turn.spawned')
  await first.close({ drainMs: 0 })
  await s.serve({ runnerId: 'second' })
  const { record, events } = await s.closed(sessionId)
  expect(record).toMatchObject({ status: 'completed', result_summary: 'finished it', turn_count: 2 })
  expect(only(events, 'turn.interrupted').data).toMatchObject({ turn_number: 1, restart: 1 })
  expect(only(events, 'turn.interrupted').data.reason).toContain('runner first is shutting down')
  const { request, prompt } = await s.given(sessionId, 2)
  expect(request).toMatchObject({
    kind: 'interrupted',
    stall: { turn_number: 1, reason: 'interrupted', restart: 1, restarts_max: 2 },
    continuity: [{ turn_number: 1, status: 'interrupted' }],
  })
  expect(prompt).toContain('cut short: interrupted 1 of 2')
})

it.concurrent('the context object and labels of the request reach the executor and the record', async (test) => {
  const s = await scenario(test, { prompt: '{{ context.ticket.title }}', turns: [done()] })
  const ticket = { ticket: { title: 'Größe falsch', n: 3 } }
  const { sessionId, record } = await s.run({ task: 'x', context: ticket, labels: { lane: 'a' } })
  expect(record.labels).toEqual({ lane: 'a' })
  const { request, prompt } = await s.given(sessionId, 1)
  expect(request).toMatchObject({ context: ticket })
  expect(prompt).toBe('Größe falsch')
})
