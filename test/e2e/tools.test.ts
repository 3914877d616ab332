/** Tools of the runtime for executors that can not act themselves: offered, ranked, run after the turn, answered in the next. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { answer, done, goOn, type Scenario, scenarios } from '../support/scenario.ts'
import { allOf, only } from '../support/session-trail.ts'

const scenario = scenarios()

type Result = { tool_name: string; ok: boolean; output?: unknown; error?: { code: string; message: string } }

async function resultsIn(s: Scenario, sessionId: string, turn: number): Promise<Result[]> {
  return (await s.given(sessionId, turn)).request['previous_tool_calls'] as Result[]
}

it.concurrent('three turns: read, change, see the difference; each result is in the next request', async (test) => {
  const call = (name: string, input: Record<string, unknown>) => ({ name, input })
  const s = await scenario(test, {
    git: true,
    source: { 'add.js': 'export const add = (a, b) => a - b\n' },
    turns: [
      goOn('read', {
        tool_calls: [call('read_file_lines', { path: 'add.js' }), call('search_text', { pattern: 'add' })],
      }),
      goOn('change', {
        tool_calls: [
          call('replace_in_file', { path: 'add.js', old_text: 'a - b', new_text: 'a + b' }),
          call('write_file', { path: 'docs/add.md', content: 'adds\n' }),
          call('git_diff', {}),
          call('run_command', { command: 'cat add.js; exit 3' }),
        ],
      }),
      done('fixed'),
    ],
  })
  const { sessionId, record, events } = await s.run()
  expect(record).toMatchObject({ status: 'completed', turn_count: 3 })
  expect((await s.given(sessionId, 1)).request).toMatchObject({ previous_tool_calls: [] })
  expect(await resultsIn(s, sessionId, 2)).toMatchObject([
    {
      tool_name: 'read_file_lines',
      ok: true,
      output: { text: 'export const add = (a, b) => a - b\n', total_lines: 1 },
    },
    { tool_name: 'search_text', ok: true },
  ])
  const third = await resultsIn(s, sessionId, 3)
  expect(third).toMatchObject([
    { tool_name: 'replace_in_file', ok: true, output: { path: 'add.js', line: 1 } },
    { tool_name: 'write_file', ok: true },
    { tool_name: 'git_diff', ok: true },
    { tool_name: 'run_command', ok: true, output: { exit_code: 3, stdout: 'export const add = (a, b) => a + b\n' } },
  ])
  expect(JSON.stringify(third[2]?.output)).toContain('+export const add = (a, b) => a + b')
  expect(only(events, 'workspace.captured').data.files.map(({ path }) => path)).toEqual(['add.js', 'docs/add.md'])
  expect(record.turns[1]?.tool_calls.map(({ name, ok }) => [name, ok])).toEqual(
    third.map(({ tool_name, ok }) => [tool_name, ok]),
  )
  const finished = allOf(events, 'tool.finished')
  expect(finished.map(({ data }) => [data.turn_number, data.call])).toEqual([
    [1, 0],
    [1, 1],
    [2, 0],
    [2, 1],
    [2, 2],
    [2, 3],
  ])
})

it.concurrent('a call that is unknown, refused, out of bounds or malformed is an error result; the session goes on', async (test) => {
  const tool_calls = [
    { name: 'launch_rocket', input: {} },
    { name: 'write_file', input: { path: 'x', content: 'x' } },
    { name: 'git_status', input: {} },
    { name: 'run_command', input: { command: 'touch ran' } },
    { name: 'read_file_lines', input: { path: '../../../WORKFLOW.md' } },
    { name: 'read_file_lines', input: { path: 'link' } },
    { name: 'read_file_lines', input: { path: 'README.md', start_line: 'one', lines: 4 } },
    { name: 'replace_in_file', input: { path: 'README.md', old_text: 'absent', new_text: '' } },
  ]
  const s = await scenario(test, {
    source: { 'README.md': 'hello\n' },
    turns: [`ln -s "$at/WORKFLOW.md" link; ${goOn('try', { tool_calls })}`, `ls > "$at/seen"; ${done()}`],
    config: { model: { class: 'small_local' }, tools: { deny: ['write_file'] } },
  })
  const { sessionId, record } = await s.run()
  expect(record).toMatchObject({ status: 'completed', turn_count: 2 })
  const results = await resultsIn(s, sessionId, 2)
  expect(results.map(({ tool_name, ok, error }) => [tool_name, ok, error?.code])).toEqual([
    ['launch_rocket', false, 'unknown_tool'],
    ['write_file', false, 'tool_unavailable'],
    ['git_status', false, 'tool_unavailable'],
    ['run_command', false, 'tool_unavailable'],
    ['read_file_lines', false, 'outside_workspace'],
    ['read_file_lines', false, 'outside_workspace'],
    ['read_file_lines', false, 'invalid_input'],
    ['replace_in_file', false, 'no_match'],
  ])
  expect(results[1]?.error?.message).toContain('policy_disabled')
  expect(results[2]?.error?.message).toContain('workspace_disabled')
  expect(results[3]?.error?.message).toContain('heavy_for_small_local')
  expect(await readFile(join(s.directory, 'seen'), 'utf8')).toBe('README.md\nlink\n')
})

it.concurrent('each turn records what it was offered, how that was ranked, and the read budget', async (test) => {
  const s = await scenario(test, {
    git: true,
    source: { 'long.txt': 'line\n'.repeat(500) },
    turns: [
      goOn('read', { tool_calls: [{ name: 'read_file_lines', input: { path: 'long.txt', start_line: 11 } }] }),
      done(),
    ],
    config: { model: { class: 'small_local' }, tools: { allow: ['read_file_lines', 'run_command', 'git_diff'] } },
  })
  const { sessionId, events } = await s.run()
  const [started] = allOf(events, 'turn.started')
  expect(started?.data.capabilities.tools.map(({ name }) => name)).toEqual(['read_file_lines', 'git_diff'])
  expect(started?.data.capabilities.unavailable_tools).toContainEqual({
    name: 'run_command',
    reason_code: 'heavy_for_small_local',
  })
  expect(started?.data.capabilities.unavailable_tools).toContainEqual({
    name: 'write_file',
    reason_code: 'policy_disabled',
  })
  expect(started?.data.tool_choice).toMatchObject({
    selected_budget: { name: 'read_file_lines_max_lines', max_lines: 120 },
  })
  const { request } = await s.given(sessionId, 1)
  expect(request).toMatchObject({
    model_class: 'small_local',
    budgets: { read_file_lines_max_lines: 120 },
    unavailable_tools: started?.data.capabilities.unavailable_tools,
    tools: [{ name: 'read_file_lines', input_schema: { type: 'object' } }, { name: 'git_diff' }],
  })
  expect(await resultsIn(s, sessionId, 2)).toMatchObject([
    { ok: true, output: { start_line: 11, end_line: 130, truncated: true } },
  ])
  const audit = (await s.swarm.view('audits', `${sessionId}/1`))?.document
  expect(audit).toMatchObject({
    capability_snapshot: started?.data.capabilities,
    tool_choice_audit: started?.data.tool_choice,
    tool_calls: [{ tool_name: 'read_file_lines', ok: true }],
  })
})

it.concurrent('larger models get the heavy tools, told to try the lighter ones first', async (test) => {
  const s = await scenario(test, {
    git: true,
    turns: [answer({ status: 'done', summary: 'ok' })],
    config: { model: { class: 'large_local' } },
  })
  const { events } = await s.run()
  const { data } = only(events, 'turn.started')
  expect(data.capabilities.unavailable_tools).toEqual([])
  expect(data.tool_choice.demoted_tools).toContainEqual({ name: 'run_command', reason: 'heavy_for_large_local' })
  expect(data.tool_choice.priority_tools).not.toContain('run_command')
})
