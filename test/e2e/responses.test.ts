/** What an executor may leave as its answer: every way to break the rule is named, and nothing else decides. */
import { expect, it } from 'vitest'
import { verifyLog } from '../../src/runtime/verify-history.ts'
import { answer, done, goOn, type Scenario, scenarios } from '../support/scenario.ts'
import { only } from '../support/session-trail.ts'

const scenario = scenarios()

async function issuesOf(s: Scenario): Promise<{ path: string; message: string }[]> {
  const { events, record } = await s.run()
  expect(record).toMatchObject({ status: 'failed', reason_code: 'invalid_response', turn_count: 1 })
  const { response, issues } = only(events, 'turn.exited').data
  expect(response).toBeNull()
  expect(record.turns[0]).toMatchObject({
    response_status: null,
    turn_outcome: 'escalation_blocker',
    outcome_reason: 'the executor gave no usable answer',
  })
  for (const { path, message } of issues)
    expect(record.last_error).toContain(path === '' ? message : `${path}: ${message}`)
  return issues
}

it.concurrent('names every broken field of a response at once', async (test) => {
  const broken = {
    status: 'finished',
    summary: '  ',
    next_task: 7,
    tool_calls: [{ name: '' }, { name: 'git_status', input: [] }, 'git_diff'],
    evidence_refs: ['a', 1],
  }
  const s = await scenario(test, { turns: [answer(broken)] })
  const paths = (await issuesOf(s)).map((issue) => issue.path)
  expect(paths).toEqual([
    'status',
    'summary',
    'next_task',
    'tool_calls.0.name',
    'tool_calls.1.input',
    'tool_calls.2',
    'evidence_refs.1',
  ])
})

it.concurrent('names the required fields when they are missing', async (test) => {
  const s = await scenario(test, { turns: [answer({})] })
  expect((await issuesOf(s)).map((issue) => issue.path)).toEqual(['status', 'summary'])
})

it.concurrent.for([
  { what: 'no file', turn: 'echo nothing written', message: 'no response file was written' },
  {
    what: 'unreadable JSON',
    turn: 'printf "{status: done" > "$ACE_RUNTIME_RESPONSE_FILE"',
    message: 'not JSON: Expected',
  },
  {
    what: 'an empty file',
    turn: ': > "$ACE_RUNTIME_RESPONSE_FILE"',
    message: 'not JSON: Unexpected end of JSON input',
  },
  {
    what: 'a character that JSON can not begin with',
    turn: 'printf "🎉 Done, all tests pass" > "$ACE_RUNTIME_RESPONSE_FILE"',
    message: 'not JSON: Unexpected token',
  },
  {
    what: 'levels without end',
    turn: `node -e 'console.log("{\\"tool_calls\\":" + "[".repeat(20000) + "]".repeat(20000) + "}")' > "$ACE_RUNTIME_RESPONSE_FILE"`,
    message: 'nested deeper than 100 levels',
  },
  { what: 'a list', turn: 'echo "[]" > "$ACE_RUNTIME_RESPONSE_FILE"', message: 'expected object' },
  {
    what: 'too large',
    turn: 'head -c 600000 /dev/zero | tr "\\0" " " > "$ACE_RUNTIME_RESPONSE_FILE"',
    message: 'is larger than 524288 bytes',
  },
  { what: 'a FIFO', turn: 'mkfifo "$ACE_RUNTIME_RESPONSE_FILE"', message: 'is not a regular file' },
  { what: 'a directory', turn: 'mkdir "$ACE_RUNTIME_RESPONSE_FILE"', message: 'is not a regular file' },
  {
    what: 'a link to elsewhere',
    turn: 'ln -s "$at/WORKFLOW.md" "$ACE_RUNTIME_RESPONSE_FILE"',
    message: 'is not a regular file',
  },
])('$what', async ({ turn, message }, test) => {
  const s = await scenario(test, { turns: [turn] })
  const issues = await issuesOf(s)
  expect(issues).toHaveLength(1)
  expect(issues[0]?.message).toContain(message)
})

it.concurrent('uses a valid response whatever the exit code, and ignores unknown fields', async (test) => {
  const s = await scenario(test, { turns: [`${answer({ status: 'done', summary: 'ok', mood: 'fine' })} exit 9`] })
  const { record, events } = await s.run()
  expect(record).toMatchObject({ status: 'completed', reason_code: 'done', result_summary: 'ok' })
  expect(record.turns[0]).toMatchObject({ exit_code: 9, response_status: 'done' })
  expect(only(events, 'turn.exited').data.response).not.toHaveProperty('mood')
})

it.concurrent('the answer of an earlier turn is not taken for one of a later turn', async (test) => {
  const s = await scenario(test, { turns: [goOn(), ': says nothing'] })
  const { record } = await s.run()
  expect(record).toMatchObject({ status: 'failed', reason_code: 'invalid_response', turn_count: 2 })
})

it.concurrent('a blank next task keeps the current one', async (test) => {
  const s = await scenario(test, { turns: [answer({ status: 'continue', summary: 'x', next_task: ' ' }), done()] })
  const { sessionId, record } = await s.run('the task')
  expect(record.current_task).toBe('the task')
  expect((await s.given(sessionId, 2)).request).toMatchObject({ task: 'the task', kind: 'continuation' })
})

it.concurrent('an executor that can not be found is an answer of the shell, not of the executor', async (test) => {
  const s = await scenario(test, { config: { executor: { command: 'no-such-agent --go' } } })
  const { record } = await s.run()
  expect(record).toMatchObject({ reason_code: 'invalid_response' })
  expect(record.turns[0]).toMatchObject({ exit_code: 127 })
  expect(record.turns[0]?.stderr).toContain('no-such-agent')
})

it.concurrent('an answer may be cut anywhere, and hold numbers that JSON does not know', async (test) => {
  const input = '{"path":"a","start_line":1e999,"half":"\\ud83d"}'
  const text = (name: string) =>
    `{"status":"continue","summary":"b${'🙂'.repeat(1100)}\\ud83d","evidence_refs":["b${'🙂'.repeat(300)}"],` +
    `"next_task":"\\ude42","tool_calls":[{"name":"${name}","input":${input}}]}`
  const say = (file: string) => `cp ${file} "$ACE_RUNTIME_RESPONSE_FILE"`
  const s = await scenario(test, {
    source: { one: text('read_file_lines'), two: text('no\\ud83dtool'), a: 'a' },
    turns: [say('one'), say('two'), done()],
  })
  const { record, events } = await s.run()
  expect(record).toMatchObject({ status: 'completed', turn_count: 3 })
  expect(events.find(({ type }) => type === 'turn.exited')?.data).toMatchObject({
    response: { next_task: '\ufffd', tool_calls: [{ input: { start_line: null, half: '\ufffd' } }] },
  })
  expect(await verifyLog(s.swarm.ports)).toMatchObject({ ok: true })
})

it.concurrent.for([0, 1, 2, 3])(
  'the last line of output is cut between characters, %d before',
  async (before, test) => {
    const s = await scenario(test, {
      source: { line: 'y'.repeat(before) + '🙂'.repeat(1010) },
      config: { executor: { command: 'cat line', protocol: 'exit-code' } },
    })
    const { record } = await s.run()
    expect(record).toMatchObject({ status: 'completed' })
    expect(record.result_summary).not.toContain('\ufffd')
  },
)
