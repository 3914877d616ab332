/** Done is verified, not believed: every kind of check, with evidence, and what the registry says of it. */
import { expect, it } from 'vitest'
import { answer, done, scenarios } from '../support/scenario.ts'
import { allOf, only } from '../support/session-trail.ts'

const scenario = scenarios()

it.concurrent('checks of every kind pass: completed and verified', async (test) => {
  const s = await scenario(test, {
    git: true,
    turns: [
      `echo x > src.ts; git add -A; git -c user.name=A -c user.email=a@b commit -qm work; ${answer({ status: 'done', summary: 'made', evidence_refs: ['file:src.ts'] })}`,
    ],
    config: {
      autonomy: {
        stop: [
          'cat src.ts',
          { name: 'quick', command: 'test "$ACE_RUNTIME_TASK" = "make it"', timeout_ms: 5000 },
          { file_exists: 'src.ts' },
          { files_changed: { include: ['*.ts'], min: 1, max: 1 } },
          { no_uncommitted_changes: true },
        ],
      },
    },
  })
  const { record, events, sessionId } = await s.run('make it')
  expect(record).toMatchObject({ status: 'completed', reason_code: 'done', verified: true, result_summary: 'made' })
  expect(only(events, 'checks.passed').data).toMatchObject({
    stage: 'stop',
    checks: [
      { name: 'cat src.ts', kind: 'command', ok: true, exit_code: 0, output: 'x\n' },
      { name: 'quick', kind: 'command', ok: true },
      { name: 'file_exists src.ts', kind: 'file_exists', output: 'src.ts exists' },
      {
        name: 'files_changed *.ts',
        kind: 'files_changed',
        output: '1 changed files match *.ts, wanted 1 to 1: src.ts',
      },
      { name: 'no_uncommitted_changes', kind: 'no_uncommitted_changes', output: 'nothing is uncommitted' },
    ],
  })
  expect((await s.swarm.view('ledger', sessionId))?.document.metadata).toMatchObject({
    verified: true,
    evidence_refs: ['file:src.ts'],
    files: ['src.ts'],
  })
})

it.concurrent('checks of every kind fail: all are run, and the claim is refused with evidence', async (test) => {
  const s = await scenario(test, {
    git: true,
    turns: [`echo x > src.ts; ln -s /etc/passwd link; ${done('I am done')}`],
    config: {
      autonomy: {
        stop: [
          { name: 'tests', command: 'echo 2 tests failed; exit 1' },
          { name: 'slow', command: 'sleep 600', timeout_ms: 200 },
          { name: 'outside', file_exists: '../../WORKFLOW.md' },
          { name: 'linked', file_exists: 'link' },
          { name: 'none', files_changed: { include: ['docs/**'], min: 1 } },
          { name: 'few', files_changed: { max: 0 } },
          { name: 'clean', no_uncommitted_changes: true },
        ],
      },
    },
  })
  const { record, events } = await s.run()
  expect(record).toMatchObject({ status: 'blocked', reason_code: 'stop_checks_failed', verified: false, turn_count: 1 })
  expect(record.turns[0]).toMatchObject({ response_status: 'done', summary: 'I am done' })
  expect(record.result_summary).toBe(
    'done was claimed, but stop checks failed: tests, slow, outside, linked, none, few, clean',
  )
  const { checks } = only(events, 'checks.failed').data
  expect(checks.map(({ name, ok, timed_out, output }) => [name, ok, timed_out, output])).toEqual([
    ['tests', false, false, '2 tests failed\n'],
    ['slow', false, true, ''],
    ['outside', false, false, '../../WORKFLOW.md is not a path inside the workspace'],
    ['linked', false, false, 'link leads out of the workspace'],
    ['none', false, false, '0 changed files match docs/**, wanted at least 1'],
    ['few', false, false, '2 changed files match **, wanted 0 to 0: link, src.ts'],
    ['clean', false, false, 'there are uncommitted changes'],
  ])
})

it.concurrent('continue: the failed checks are the next task, and the next claim is checked anew', async (test) => {
  const s = await scenario(test, {
    turns: [done('too early'), `touch result.txt; ${done('now it is')}`],
    config: { autonomy: { stop: [{ name: 'result', file_exists: 'result.txt' }], on_stop_failure: 'continue' } },
  })
  const { record, events, sessionId } = await s.run()
  expect(record).toMatchObject({ status: 'completed', verified: true, turn_count: 2, result_summary: 'now it is' })
  expect(allOf(events, 'checks.failed')).toHaveLength(1)
  const { request, prompt } = await s.given(sessionId, 2)
  expect(request).toMatchObject({
    kind: 'stop_check',
    task: expect.stringContaining('result: result.txt does not exist') as string,
    failed_checks: [{ name: 'result', ok: false, output: 'result.txt does not exist' }],
  })
  expect(prompt).toContain('result: result.txt does not exist')
})

it.concurrent('continue, with no turn left: blocked', async (test) => {
  const s = await scenario(test, {
    turns: [done()],
    config: { autonomy: { stop: ['false'], on_stop_failure: 'continue' }, executor: { max_turns: 2 } },
  })
  const { record } = await s.run()
  expect(record).toMatchObject({ status: 'blocked', reason_code: 'stop_checks_failed', verified: false, turn_count: 2 })
})

it.concurrent('no checks: completed, and neither verified nor not', async (test) => {
  const s = await scenario(test, { turns: [done()] })
  expect((await s.run()).record).toMatchObject({ status: 'completed', verified: null })
})
