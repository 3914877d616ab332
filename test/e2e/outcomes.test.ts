/** Every reason code for which a session ends, through the real runtime; responses and stops have files of their own. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { exists, gitIn } from '../support/repositories.ts'
import { answer, done, goOn, hang, scenarios } from '../support/scenario.ts'
import { allOf, only, typesOf } from '../support/session-trail.ts'

const scenario = scenarios()

describe('a session that completes', () => {
  it.concurrent('goes its whole way, and its work is captured from a worktree before that is removed', async (test) => {
    const s = await scenario(test, {
      git: true,
      config: { hooks: { after_create: 'echo create', before_run: 'echo before', after_run: 'echo after' } },
      turns: [
        `echo more >> README.md; git add -A; git -c user.name=A -c user.email=a@b commit -qm one; ${goOn('one', { next_task: 'the rest' })}`,
        `printf '\\000\\001' > data.bin; ${done('two')}`,
      ],
    })
    const { events, record, sessionId } = await s.run('begin')
    expect(typesOf(events).filter((type) => !['turn.spawned', 'turn.progressed'].includes(type))).toEqual([
      'start.requested',
      'session.claimed',
      'session.started',
      'workspace.created',
      'hook.finished',
      'hook.finished',
      'turn.started',
      'turn.exited',
      'turn.completed',
      'turn.started',
      'turn.exited',
      'turn.completed',
      'session.completed',
      'workspace.captured',
      'hook.finished',
      'workspace.removed',
      'session.closed',
    ])
    expect(allOf(events, 'turn.started').map(({ data }) => [data.kind, data.task])).toEqual([
      ['first', 'begin'],
      ['continuation', 'the rest'],
    ])
    expect(record).toMatchObject({
      status: 'completed',
      phase: 'closed',
      reason_code: 'done',
      result_summary: 'two',
      verified: null,
      turn_count: 2,
      workspace_cleanup_status: 'removed',
      last_error: null,
    })
    const { data: work } = only(events, 'workspace.captured')
    expect(work.files).toEqual([
      { path: 'README.md', change: 'modified' },
      { path: 'data.bin', change: 'added' },
    ])
    const workspace = only(events, 'workspace.created').data
    expect(workspace).toMatchObject({ source: 'worktree', branch: `swarmtrail/${sessionId}` })
    expect(await exists(workspace.path)).toBe(false)
    if (work.patch === null) throw new Error('no patch')
    await s.swarm.ports.artifacts.get(work.patch).then((patch) => writeFile(join(s.directory, 'work.patch'), patch))
    await gitIn(s.source, 'apply', '--binary', join(s.directory, 'work.patch'))
    expect(await gitIn(s.source, 'status', '--porcelain')).toBe(' M README.md\n?? data.bin')
  })
})

describe('a session that fails', () => {
  it.concurrent('executor_failed: the executor says so', async (test) => {
    const s = await scenario(test, { turns: [answer({ status: 'failed', summary: 'no such thing' })] })
    const { record } = await s.run()
    expect(record).toMatchObject({
      status: 'failed',
      reason_code: 'executor_failed',
      result_summary: 'no such thing',
      last_error: 'no such thing',
    })
    expect(record.turns[0]).toMatchObject({ turn_outcome: 'escalation_blocker', response_status: 'failed' })
  })

  it.concurrent('executor_failed: by protocol exit-code, with the last line printed as its summary', async (test) => {
    const executor = { protocol: 'exit-code' as const, command: 'echo first; echo "it broke  "; echo; exit 3' }
    const s = await scenario(test, { config: { executor } })
    const { record } = await s.run()
    expect(record).toMatchObject({ reason_code: 'executor_failed', result_summary: 'it broke' })
    expect(record.turns[0]).toMatchObject({ exit_code: 3, status: 'failed' })
  })

  it.concurrent('turn_timeout: a turn that talks on past its budget is ended', async (test) => {
    const s = await scenario(test, { turns: ['while :; do echo still at it; sleep 0.05; done'] })
    const { record, events } = await s.run({ task: 'talk', turn_timeout_ms: 1000 })
    expect(record).toMatchObject({ status: 'failed', reason_code: 'turn_timeout' })
    expect(only(events, 'turn.timed_out').data).toMatchObject({ turn_number: 1, turn_timeout_ms: 1000 })
    expect(only(events, 'turn.timed_out').data.stdout?.tail).toContain('still at it')
  })

  it.concurrent('template_error at the start: no process was ever started', async (test) => {
    const s = await scenario(test, {
      prompt: 'Do\n{{ tsak }}',
      config: {
        hooks: { after_create: 'touch "$PWD/../../ran"' },
        autonomy: { before_run: ['touch "$PWD/../../ran"'] },
      },
    })
    const { record, events } = await s.run()
    expect(typesOf(events)).toEqual([
      'start.requested',
      'session.claimed',
      'session.started',
      'session.failed',
      'session.closed',
    ])
    // Which workflow it was is on record all the same.
    expect(record.command).not.toBeNull()
    expect(record).toMatchObject({
      status: 'failed',
      reason_code: 'template_error',
      turn_count: 0,
      workspace_path: null,
    })
    expect(record.result_summary).toContain('line 2 of the prompt template: undefined variable: tsak')
  })

  it.concurrent('template_error at a later turn: that turn is not started, and the work so far is captured', async (test) => {
    const s = await scenario(test, {
      prompt: '{{ task }}{% if turn.number == 2 %}{{ nope }}{% endif %}',
      turns: [`echo x > new.txt; ${goOn()}`],
    })
    const { record, events } = await s.run()
    expect(record).toMatchObject({ status: 'failed', reason_code: 'template_error', turn_count: 1 })
    expect(record.result_summary).toContain('undefined variable: nope')
    expect(only(events, 'workspace.captured').data.files).toEqual([{ path: 'new.txt', change: 'added' }])
  })

  it.concurrent('workspace_failed: after_create fails', async (test) => {
    const s = await scenario(test, {
      config: { hooks: { after_create: 'echo no disk >&2; exit 4', after_run: 'true' } },
    })
    const { record, events } = await s.run()
    expect(record).toMatchObject({
      reason_code: 'workspace_failed',
      workspace_cleanup_status: 'removed',
      turn_count: 0,
    })
    expect(only(events, 'hook.finished').data).toMatchObject({
      hook: 'after_create',
      exit_code: 4,
      output: 'no disk\n',
    })
  })

  it.concurrent('workspace_failed: the source is not there', async (test) => {
    const s = await scenario(test)
    const { record, events } = await s.run({ task: 'x', source_path: join(s.directory, 'nowhere') })
    expect(record).toMatchObject({
      reason_code: 'workspace_failed',
      workspace_path: null,
      workspace_cleanup_status: null,
    })
    expect(only(events, 'workspace.failed').data.error).toContain('nowhere')
  })

  it.concurrent('workspace_failed: the executor removed its own workspace', async (test) => {
    const s = await scenario(test, { turns: [`cd /; rm -rf "$ACE_RUNTIME_WORKSPACE_PATH"; ${goOn()}`] })
    const { record } = await s.run()
    expect(record).toMatchObject({ status: 'failed', reason_code: 'workspace_failed', turn_count: 1 })
    expect(record.cleanup_error).toContain('is gone')
  })

  it.concurrent('workspace_failed: a link to elsewhere stands where the workspace was; nothing there is touched', async (test) => {
    const swap = 'cd /; rm -rf "$ACE_RUNTIME_WORKSPACE_PATH"; ln -s "$at/source" "$ACE_RUNTIME_WORKSPACE_PATH"'
    const s = await scenario(test, { turns: [`${swap}; ${goOn()}`], config: { hooks: { after_run: 'rm README.md' } } })
    const { record, events } = await s.run()
    expect(record).toMatchObject({ reason_code: 'workspace_failed', workspace_cleanup_status: 'failed' })
    expect(only(events, 'hook.finished').data).toMatchObject({ hook: 'after_run', ok: false })
    expect(await exists(join(s.source, 'README.md'))).toBe(true)
  })

  it.concurrent('before_run_failed: after_run is not run then', async (test) => {
    const s = await scenario(test, { config: { hooks: { before_run: 'exit 1', after_run: 'true' } }, turns: [done()] })
    const { record, events } = await s.run()
    expect(record).toMatchObject({ status: 'failed', reason_code: 'before_run_failed', turn_count: 0 })
    expect(allOf(events, 'hook.finished').map(({ data }) => data.hook)).toEqual(['before_run'])
  })

  it.concurrent('before_run_failed: a hook past its timeout is ended with all it started', async (test) => {
    const s = await scenario(test, { config: { hooks: { before_run: '(sleep 600 &) ; sleep 600', timeout_ms: 200 } } })
    const { record, events } = await s.run()
    expect(record).toMatchObject({ reason_code: 'before_run_failed' })
    expect(only(events, 'hook.finished').data).toMatchObject({ ok: false, timed_out: true })
  })

  it.concurrent('max_turns_exceeded: turns are used up and it is still not done', async (test) => {
    const s = await scenario(test, { turns: [goOn('a little more')] })
    const { record } = await s.run({ task: 'endless', max_turns: 2 })
    expect(record).toMatchObject({ status: 'failed', reason_code: 'max_turns_exceeded', turn_count: 2, max_turns: 2 })
    expect(record.result_summary).toBe('still not done after 2 turns: a little more')
  })

  it.concurrent('max_turns_exceeded: stalled turns count too', async (test) => {
    const s = await scenario(test, { turns: [hang()], config: { liveness: { stall_window_ms: 300 } } })
    const { record } = await s.run({ task: 'silent', max_turns: 1 })
    expect(record).toMatchObject({ status: 'failed', reason_code: 'max_turns_exceeded', turn_count: 1 })
  })

  it.concurrent('runner_error: the workflow file broke after the runner had read it', async (test) => {
    const s = await scenario(test)
    await writeFile(s.workflow, '---\nexecutor: {command: [no]}\n---\n')
    const { record } = await s.run()
    expect(record).toMatchObject({ status: 'failed', reason_code: 'runner_error' })
    expect(record.result_summary).toContain('workflow_invalid: ')
    expect(record.result_summary).toContain('executor.command: expected string')
  })

  it.concurrent('runner_error: the files of a turn can not be written; the workspace is cleaned up all the same', async (test) => {
    const s = await scenario(test, { turns: [done()] })
    await writeFile(join(s.swarm.dir, 'turns'), 'in the way')
    const { record } = await s.run()
    expect(record).toMatchObject({ status: 'failed', reason_code: 'runner_error', turn_count: 0 })
    expect(record.result_summary).toMatch(/^prepareTurn: /)
  })
})

describe('a session that is blocked', () => {
  it.concurrent('executor_blocked: the executor needs a person', async (test) => {
    const s = await scenario(test, { turns: [answer({ status: 'blocked', summary: 'which database?' })] })
    const { record } = await s.run()
    expect(record).toMatchObject({
      status: 'blocked',
      reason_code: 'executor_blocked',
      result_summary: 'which database?',
    })
  })

  it.concurrent('preflight_blocked: checks before the run fail, all of them are run, and no executor is', async (test) => {
    const before_run = ['echo bad; exit 7', { name: 'readme', file_exists: 'README.md' }, { file_exists: 'MISSING.md' }]
    const s = await scenario(test, { config: { autonomy: { before_run }, hooks: { before_run: 'true' } } })
    const { record, events } = await s.run()
    expect(record).toMatchObject({ status: 'blocked', reason_code: 'preflight_blocked', turn_count: 0 })
    expect(only(events, 'checks.failed').data.checks.map(({ name, ok, exit_code }) => [name, ok, exit_code])).toEqual([
      ['echo bad; exit 7', false, 7],
      ['readme', true, null],
      ['file_exists MISSING.md', false, null],
    ])
    expect(typesOf(events)).not.toContain('hook.finished')
  })

  it.concurrent('stall_restart_exhausted: more stalls in a row than are tolerated', async (test) => {
    const liveness = { stall_window_ms: 300, max_stall_restarts: 1, initial_backoff_ms: 20 }
    const s = await scenario(test, { turns: [`echo hello; ${hang()}`], config: { liveness } })
    const { record, events } = await s.run()
    expect(record).toMatchObject({ status: 'blocked', reason_code: 'stall_restart_exhausted', turn_count: 2 })
    expect(allOf(events, 'turn.stalled').map(({ data }) => [data.restart, data.restarts_max, data.backoff_ms])).toEqual(
      [
        [1, 1, 20],
        [2, 1, null],
      ],
    )
    expect(allOf(events, 'turn.stalled')[0]?.data).toMatchObject({ stall_window_ms: 300, stdout: { tail: 'hello\n' } })
  })
})
