/** What sessions run in, what their hooks do, and what becomes of the workspace afterwards. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { exists, gitIn } from '../support/repositories.ts'
import { answer, done, hang, scenarios } from '../support/scenario.ts'
import { allOf, only, typesOf } from '../support/session-trail.ts'

const scenario = scenarios()
const CHANGE = 'echo changed > README.md; echo new > new.txt'
const changed = [
  { path: 'README.md', change: 'modified' },
  { path: 'new.txt', change: 'added' },
]

it.concurrent('auto_cleanup off: the workspace stays, its work is captured too, before_remove is not run', async (test) => {
  const s = await scenario(test, {
    git: true,
    turns: [`${CHANGE}; ${done()}`],
    config: { hooks: { before_remove: 'true' } },
  })
  const { record, events } = await s.run({ task: 'x', auto_cleanup: false })
  expect(record).toMatchObject({ status: 'completed', workspace_cleanup_status: 'kept' })
  expect(only(events, 'workspace.captured').data.files).toEqual(changed)
  expect(await readFile(join(record.workspace_path ?? '', 'new.txt'), 'utf8')).toBe('new\n')
  expect(typesOf(events)).not.toContain('hook.finished')
})

it.concurrent('archive: the workspace as a whole is kept as one file', async (test) => {
  const s = await scenario(test, {
    git: true,
    turns: [`${CHANGE}; ${done()}`],
    config: { workspace: { on_cleanup: 'archive' } },
  })
  const { record, events } = await s.run()
  expect(record).toMatchObject({ workspace_cleanup_status: 'archived' })
  const { archive_path } = only(events, 'workspace.archived').data
  expect(await exists(archive_path ?? '')).toBe(true)
  expect(await exists(record.workspace_path ?? '')).toBe(false)
})

it.concurrent('copy: a copy of the source without what does not belong into it', async (test) => {
  const s = await scenario(test, {
    git: true,
    source: { 'README.md': 'hello\n', 'node_modules/x/index.js': '', 'src/a.ts': 'a\n' },
    turns: [`ls -A > "$at/seen"; ${CHANGE}; ${done()}`],
    config: { workspace: { source: 'copy', on_cleanup: 'keep' } },
  })
  const { record, events } = await s.run()
  expect(await readFile(join(s.directory, 'seen'), 'utf8')).toBe('README.md\nsrc\n')
  expect(only(events, 'workspace.captured').data).toMatchObject({
    files: changed,
    base_commit: null,
    head_commit: null,
  })
  expect(record.workspace_cleanup_status).toBe('kept')
  expect(await readFile(join(s.source, 'README.md'), 'utf8')).toBe('hello\n')
})

it.concurrent('empty: nothing in it at first, and all of it is captured', async (test) => {
  const s = await scenario(test, {
    turns: [`ls -A > "$at/seen"; ${CHANGE}; ${done()}`],
    config: { workspace: { source: 'empty' } },
  })
  const { events } = await s.run({ task: 'x', workspace_name: 'my.place' })
  expect(await readFile(join(s.directory, 'seen'), 'utf8')).toBe('')
  expect(only(events, 'workspace.created').data.path).toMatch(/\/my\.place$/)
  expect(only(events, 'workspace.captured').data.files.map(({ change }) => change)).toEqual(['added', 'added'])
})

it.concurrent('in-place: the source itself, which is never removed', async (test) => {
  const s = await scenario(test, {
    turns: [`${CHANGE}; ${done()}`],
    config: { workspace: { source: 'in-place', on_cleanup: 'remove' }, hooks: { before_remove: 'true' } },
  })
  const { record, events } = await s.run()
  expect(record).toMatchObject({ workspace_path: s.source, workspace_cleanup_status: 'kept' })
  expect(typesOf(events)).not.toContain('workspace.captured')
  expect(await readFile(join(s.source, 'new.txt'), 'utf8')).toBe('new\n')
})

it.concurrent('worktree: a branch of the same name is left alone, and sessions do not see one another', async (test) => {
  const s = await scenario(test, { git: true, turns: [`${CHANGE}; ${done()}`] })
  await gitIn(s.source, 'branch', 'swarmtrail/taken')
  const [taken, other] = await Promise.all([s.run({ task: 'x', session_id: 'taken' }), s.run('y')])
  const { branch } = only(taken.events, 'workspace.created').data
  expect(branch).toMatch(/^swarmtrail\/taken.+/)
  for (const { events } of [taken, other]) expect(only(events, 'workspace.captured').data.files).toEqual(changed)
  expect(await gitIn(s.source, 'status', '--porcelain')).toBe('')
})

it.concurrent('a workspace root in the workflow is relative to its file', async (test) => {
  const s = await scenario(test, {
    turns: [done()],
    config: { workspace: { root: 'elsewhere/deep', source: 'empty' } },
  })
  const { record, sessionId } = await s.run()
  expect(record.workspace_path).toBe(join(s.directory, 'elsewhere/deep', sessionId))
})

const endings = [
  { how: 'done', turn: done(), status: 'completed' },
  { how: 'failed', turn: answer({ status: 'failed', summary: 'no' }), status: 'failed' },
  { how: 'blocked', turn: answer({ status: 'blocked', summary: 'which?' }), status: 'blocked' },
  { how: 'no answer', turn: ':', status: 'failed' },
  { how: 'stalled', turn: hang(), status: 'blocked' },
]
it.concurrent.for(endings)(
  'after_run and before_remove run once and may fail, ending: $how',
  async ({ turn, status }, test) => {
    const count = (hook: string) => `echo ${hook} $ACE_RUNTIME_SESSION_ID >> ../../../hooks; exit 1`
    const s = await scenario(test, {
      turns: [turn],
      config: {
        hooks: { before_run: 'true', after_run: count('after_run'), before_remove: count('before_remove') },
        liveness: { stall_window_ms: 300, max_stall_restarts: 0 },
      },
    })
    const { record, events, sessionId } = await s.run()
    expect(record).toMatchObject({ status, workspace_cleanup_status: 'removed', cleanup_error: null })
    expect(allOf(events, 'hook.finished').map(({ data }) => [data.hook, data.ok, data.exit_code])).toEqual([
      ['before_run', true, 0],
      ['after_run', false, 1],
      ['before_remove', false, 1],
    ])
    const calls = `after_run ${sessionId}\nbefore_remove ${sessionId}\n`
    expect(await readFile(join(s.directory, 'hooks'), 'utf8')).toBe(calls)
    expect((await s.swarm.view('runtime-status', sessionId))?.document.workspace_hook_health).toBe('degraded')
  },
)
