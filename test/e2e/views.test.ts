/** Views after real work: what the projector stored, what readers see, and what is rebuilt from zero are the same. */
import { expect, it } from 'vitest'
import { projections } from '../../src/projections/catalog.ts'
import { VIEW_NAMES, type ViewName, storeNameOf } from '../../src/projections/names.ts'
import type { StoredDocument } from '../../src/runtime/ports.ts'
import { answer, done, goOn, hang, type Scenario, scenarios } from '../support/scenario.ts'
import { expectViewsToBeTrue } from '../support/session-trail.ts'
import { until } from '../support/until.ts'

const scenario = scenarios()

const LIST = {
  tool_calls: [
    { name: 'list_files', input: {} },
    { name: 'nothing', input: {} },
  ],
}
const turn = `case $ACE_RUNTIME_TASK in
  ask) ${answer({ status: 'blocked', summary: 'which?' })};;
  fail) ${answer({ status: 'failed', summary: 'no' })};;
  silent) ${hang()};;
  wrong) echo '{}' > "$ACE_RUNTIME_RESPONSE_FILE";;
  *) [ "$ACE_RUNTIME_TURN_NUMBER" = 1 ] && ${goOn('one', LIST)} [ "$ACE_RUNTIME_TURN_NUMBER" = 1 ] || ${done()};;
esac`

/** Sessions with every outcome, some of one run, one still held, posts granted, denied and waiting. */
async function workOf(s: Scenario): Promise<void> {
  const requests = [
    { task: 'go', objective_id: 'O1' },
    { task: 'fail', objective_id: 'O1' },
    { task: 'silent', tracker_item_id: 'T1', max_turns: 2 },
    { task: 'wrong', require_approval_before_emit: true },
    { task: 'go', require_approval_before_emit: true },
  ]
  await Promise.all(requests.map((request) => s.run(request)))
  const held = await s.start({ task: 'ask', objective_id: 'O1', require_approval_before_emit: true })
  const { data } = await s.next(held, 'post.held')
  await s.next(held, 'session.blocked')
  await s.swarm.approve(data.post_id)
}

const options = {
  git: true,
  turns: [turn],
  config: {
    hooks: { before_run: 'true', after_run: 'exit 1' },
    liveness: { stall_window_ms: 300, max_stall_restarts: 1, initial_backoff_ms: 10 },
    blocked: { hold_ms: 600_000 },

    autonomy: { stop: ['true'] },
  },
}

/** What is stored of a view and told: an entry of the ledger is both once its session is closed. */
async function storedOf(s: Scenario, view: ViewName): Promise<StoredDocument[]> {
  const documents: StoredDocument[] = []
  for await (const stored of s.swarm.ports.views.list(storeNameOf(projections[view]))) documents.push(stored)
  const isTold = ({ document }: StoredDocument) => (document as { recorded_at?: string | null }).recorded_at !== null
  return documents.filter(isTold).toSorted((a, b) => (a.key < b.key ? -1 : 1))
}

async function projected(s: Scenario): Promise<void> {
  const head = await s.swarm.ports.log.head()
  await until('the projector has stored all', async () => {
    const stores = VIEW_NAMES.map((view) => storeNameOf(projections[view]))
    const points = await Promise.all(stores.map((store) => s.swarm.ports.views.checkpoint(store)))
    return points.every((point) => point >= head)
  })
}

it('stored views equal those rebuilt from zero, document by document, and so does what is read', async (test) => {
  const s = await scenario(test, options)
  await workOf(s)
  await projected(s)
  const head = await s.swarm.ports.log.head()
  for (const view of VIEW_NAMES) {
    const rebuilt = (await s.swarm.views(view, { at: head })).toSorted((a, b) => (a.key < b.key ? -1 : 1))
    expect(rebuilt.length, `documents of ${view}`).toBeGreaterThan(0)
    expect(await storedOf(s, view), `stored in ${view}`).toEqual(rebuilt)
    for (const { document } of rebuilt) expect(projections[view].schema.parse(document)).toEqual(document)
  }
  await expectViewsToBeTrue(s.swarm)
})

it('readers need no projector: a cache that is empty, behind, or half there gives the same documents', async (test) => {
  const s = await scenario(test, { ...options, served: false })
  const first = await s.serve({ only: ['one'] })
  await s.run({ task: 'go', session_id: 'one', objective_id: 'O1' })
  await projected(s)
  await first.close()
  const keep = await storedOf(s, 'registry')
  expect(keep.map(({ key }) => key)).toEqual(['one'])
  await s.serve({ only: ['two'] })
  await s.run({ task: 'fail', session_id: 'two', objective_id: 'O1' })
  await projected(s)
  for (const view of VIEW_NAMES) await s.swarm.ports.views.clear(storeNameOf(projections[view]))
  await expectViewsToBeTrue(s.swarm)
  await s.swarm.ports.views.put(storeNameOf(projections.registry), keep)
  await expectViewsToBeTrue(s.swarm)
})

it('a view as of an earlier position is what a reader saw then', async (test) => {
  const s = await scenario(test, { turns: [goOn('one'), done('two')] })
  const sessionId = await s.start()
  const { position } = await s.next(sessionId, 'turn.completed')
  await s.closed(sessionId)
  const [then] = await s.swarm.views('registry', { at: position })
  expect(then).toMatchObject({
    position,
    document: { status: 'running', phase: 'executing', turn_count: 1, outcome: null },
  })
  expect(await s.swarm.list({ at: position })).toEqual([then?.document])
  expect(await s.swarm.replay(sessionId, { at: position })).toMatchObject({ phase: 'executing', position })
})

it("tells a session's story under the names that ACE's tools know, and one ledger entry at its end", async (test) => {
  const s = await scenario(test, { ...options, config: { ...options.config, blocked: { hold_ms: 0 } } })
  const story = async (request: Parameters<Scenario['run']>[0]) => {
    const { sessionId } = await s.run(request)
    const events = (await s.swarm.view('status-events', sessionId))?.document.events ?? []
    const ledger = (await s.swarm.view('ledger', sessionId))?.document
    return { told: events.map(({ event, status }) => [event.replace('RUNTIME_EXECUTOR_', ''), status]), ledger }
  }
  const completed = await story('go')
  expect(completed.told).toEqual([
    ['SESSION_STARTED', 'started'],
    ['TURN_STARTED', 'in_progress'],
    ['TURN_COMPLETED', 'in_progress'],
    ['TURN_STARTED', 'in_progress'],
    ['TURN_COMPLETED', 'done'],
    ['SESSION_COMPLETED', 'done'],
  ])
  expect(completed.ledger).toMatchObject({
    category: 'major_update',
    message: 'completed: go: all done',
    metadata: { outcome: 'completed', verified: true, turns: 2, model_class: 'frontier' },
  })
  const endOf = async (task: string) => (await story(task)).told.at(-1)
  expect(await endOf('fail')).toEqual(['SESSION_FAILED', 'fail'])
  expect(await endOf('ask')).toEqual(['SESSION_BLOCKED', 'blocked'])
})
