/** What is posted of a session, where it goes, what stays silent, and what waits for approval. */
import { expect, it } from 'vitest'
import type { VericifyDocument } from '../../src/projections/vericify-document.ts'
import { answer, done, goOn, type Scenario, scenarios } from '../support/scenario.ts'
import { allOf, typesOf } from '../support/session-trail.ts'

const scenario = scenarios()
const LIST = { tool_calls: [{ name: 'list_files', input: {} }] }
const blocked = answer({ status: 'blocked', summary: 'which one?' })

async function runOf(s: Scenario, key: string): Promise<VericifyDocument> {
  const view = await s.swarm.view('vericify', key)
  if (view === null) throw new Error(`no run ${key}`)
  return view.document
}

const told = (posts: VericifyDocument['posts']) => posts.map(({ kind, summary }) => `${kind}: ${summary}`)

it.concurrent('each turn that came to something is posted, with references to its turn and tools', async (test) => {
  const s = await scenario(test, { turns: [goOn('one', { ...LIST, evidence_refs: ['e1'] }), done('two')] })
  const { sessionId } = await s.run({ task: 'the task', objective_id: 'O1', tracker_item_id: 'T1' })
  const run = await runOf(s, 'T1')
  expect(told(run.posts)).toEqual(['intent: the task', 'progress: one', 'completion: two'])
  expect(run.posts[1]).toMatchObject({
    session_id: sessionId,
    turn_refs: [`${sessionId}/1`],
    evidence_refs: ['e1'],
    state: 'public',
  })
  expect(run.posts[1]?.tool_refs).toEqual([expect.stringContaining('list_files')])
  expect(run).toMatchObject({ run_ref: 'T1', open_blockers: [], held: [], last_post: { kind: 'completion' } })
})

it.concurrent('sessions of one run share its posts and blockers', async (test) => {
  const s = await scenario(test, { turns: [`case $ACE_RUNTIME_TASK in ask) ${blocked};; *) ${done('fine')};; esac`] })
  const first = await s.run({ task: 'ask', objective_id: 'O1' })
  await s.run({ task: 'go', objective_id: 'O1' })
  const run = await runOf(s, 'O1')
  expect(told(run.posts)).toEqual(['intent: ask', 'blocker: which one?', 'intent: go', 'completion: fine'])
  expect(run.open_blockers).toMatchObject([{ session_id: first.sessionId, reason_code: 'executor_blocked' }])
  expect(run.sessions.map(({ status }) => status)).toEqual(['blocked', 'completed'])
})

it.concurrent('emit_to without vericify: the run is there, and nothing is posted', async (test) => {
  const s = await scenario(test, { turns: [done()], config: { output: { emit_to: ['tui'] } } })
  const { sessionId } = await s.run()
  expect(await runOf(s, sessionId)).toMatchObject({ posts: [], posts_total: 0, sessions: [{ status: 'completed' }] })
  const asked = await s.run({ task: 'x', emit_to: ['vericify'] })
  expect(told((await runOf(s, asked.sessionId)).posts)).toHaveLength(2)
  expect(asked.record.output_policy).toMatchObject({ emit_to: ['vericify'] })
})

it.concurrent('silent_unless_blocked: a turn without a tool call posts nothing, one with does, a blocker does', async (test) => {
  const s = await scenario(test, {
    turns: [goOn('quiet'), goOn('tools', LIST), blocked],
    config: { output: { silent_unless_blocked: true } },
  })
  const { sessionId, record } = await s.run()
  expect(record.turns.map(({ turn_outcome }) => turn_outcome)).toEqual([
    'no_op_success',
    'meaningful_completion',
    'escalation_blocker',
  ])
  expect(told((await runOf(s, sessionId)).posts)).toEqual(['intent: do it', 'progress: tools', 'blocker: which one?'])
  const quiet = await s.run({ task: 'quiet', max_turns: 1, silent_unless_blocked: false })
  expect(told((await runOf(s, quiet.sessionId)).posts).slice(0, 2)).toEqual(['intent: quiet', 'progress: quiet'])
})

it.concurrent('silent_unless_blocked: a session that was done without a tool call ends in silence', async (test) => {
  const s = await scenario(test, { turns: [done()], config: { output: { silent_unless_blocked: true } } })
  const { sessionId, record } = await s.run()
  expect(record).toMatchObject({ status: 'completed', turns: [{ turn_outcome: 'no_op_success' }] })
  expect(told((await runOf(s, sessionId)).posts)).toEqual(['intent: do it'])
})

it.concurrent('approval: posts are held until granted or denied, also after the session is closed', async (test) => {
  const s = await scenario(test, {
    turns: [goOn('one'), done('two')],
    config: { output: { require_approval_before_emit: true } },
  })
  const { sessionId, events } = await s.run()
  const posts = allOf(events, 'post.held').map(({ data }) => data)
  expect(posts.map(({ kind, summary }) => `${kind}: ${summary}`)).toEqual([
    'intent: do it',
    'progress: one',
    'completion: two',
  ])
  expect(await runOf(s, sessionId)).toMatchObject({ posts: [], held: [{}, {}, {}], last_post: null })

  const [intent = '', progress = '', completion = ''] = posts.map(({ post_id }) => post_id)
  expect(await s.swarm.approve(completion, { by: 'client/alice' })).toMatchObject({ ok: true })
  expect(await s.swarm.deny(progress, { reason: 'not yet' })).toMatchObject({ ok: true })
  expect(await s.swarm.approve(completion)).toMatchObject({ ok: false, code: 'post_not_found' })
  expect(await s.swarm.approve(progress)).toMatchObject({ ok: false })
  expect(await s.swarm.approve(`${sessionId}.unknown`)).toMatchObject({ ok: false })
  for (const wrong of ['no such post', '', '.unknown', 'no session.unknown']) {
    const message = `post ${JSON.stringify(wrong)}: expected SESSION.EVENT, as the event post.held names it`
    expect(await s.swarm.approve(wrong)).toEqual({ ok: false, code: 'invalid_argument', message })
  }

  const run = await runOf(s, sessionId)
  expect(told(run.posts)).toEqual(['completion: two'])
  expect(run.held.map(({ post_id }) => post_id)).toEqual([intent])
  expect(told(run.denied)).toEqual(['progress: one'])
  expect(typesOf(await s.events(sessionId)).slice(-2)).toEqual(['approval.granted', 'approval.denied'])
})

it.concurrent('approval while the session runs: a held blocker is seen in the status before it is public', async (test) => {
  const s = await scenario(test, {
    turns: [blocked, done('two')],
    config: { output: { require_approval_before_emit: true }, blocked: { hold_ms: 600_000 } },
  })
  const sessionId = await s.start()
  const { data } = await s.next(sessionId, 'post.held', (event) => event.data.kind === 'blocker')
  expect(await runOf(s, sessionId)).toMatchObject({
    posts: [],
    open_blockers: [{ state: 'held', summary: 'which one?', reason_code: 'executor_blocked' }],
  })
  expect((await s.swarm.view('runtime-status', sessionId))?.document).toMatchObject({
    phase: 'blocked',
    blocked_reason: 'which one?',
  })
  expect(await s.swarm.approve(data.post_id)).toMatchObject({ ok: true })
  expect(await runOf(s, sessionId)).toMatchObject({
    posts: [{ kind: 'blocker' }],
    open_blockers: [{ state: 'public' }],
  })
  await s.swarm.resume(sessionId, { guidance: 'that one' })
  const { record } = await s.closed(sessionId)
  expect(record.status).toBe('completed')
  expect(await runOf(s, sessionId)).toMatchObject({
    open_blockers: [],
    held: [{ kind: 'intent' }, { kind: 'completion' }],
  })
})
