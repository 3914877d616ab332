import { describe, expect, it } from 'vitest'
import { aceBridge, acePosts } from '../../src/projections/ace-export.ts'
import { vericify } from '../../src/projections/vericify.ts'
import { documentOf, fact, recordAll, startedWith, timeAt, trail } from './support.ts'

const opening = [fact('start.requested', { tracker_item_id: 'T-1' }), fact('session.claimed')]
const waits = startedWith({ output: { require_approval_before_emit: true } })
const working = [fact('turn.started'), fact('turn.exited'), fact('tool.finished')]

describe('vericify', () => {
  it('posts intent, progress and completion with their references', () => {
    const events = trail(
      ...opening,
      fact('session.started'),
      ...working,
      fact('turn.completed', { status: 'continue', summary: 'Half way', evidence_refs: ['a'] }),
      fact('turn.started', { turn_number: 2 }),
      fact('turn.completed', { turn_number: 2 }),
      fact('session.completed'),
    )
    const { posts, held, last_post, posts_total, sessions } = documentOf(vericify, events)
    expect(posts).toStrictEqual([
      {
        post_id: 'S1.e3',
        session_id: 'S1',
        kind: 'intent',
        summary: 'Fix it',
        tool_refs: [],
        turn_refs: [],
        evidence_refs: [],
        at: timeAt(3),
        state: 'public',
      },
      {
        post_id: 'S1.e7',
        session_id: 'S1',
        kind: 'progress',
        summary: 'Half way',
        tool_refs: ['S1/1/0:git_diff'],
        turn_refs: ['S1/1'],
        evidence_refs: ['a'],
        at: timeAt(7),
        state: 'public',
      },
      {
        post_id: 'S1.e10',
        session_id: 'S1',
        kind: 'completion',
        summary: 'Fixed',
        tool_refs: [],
        turn_refs: ['S1/2'],
        evidence_refs: ['log'],
        at: timeAt(10),
        state: 'public',
      },
    ])
    expect(held).toEqual([])
    expect(last_post).toEqual(posts[2])
    expect(posts_total).toBe(3)
    expect(sessions).toMatchObject([{ session_id: 'S1', status: 'completed' }])
  })

  it('posts nothing about turns that came to nothing', () => {
    const silent = { outcome: 'no_op_success' } as const
    const events = trail(
      ...opening,
      fact('session.started'),
      fact('turn.started'),
      fact('turn.completed', { ...silent, status: 'continue' }),
      fact('turn.started', { turn_number: 2 }),
      fact('turn.completed', { ...silent, turn_number: 2 }),
      fact('session.completed'),
    )
    expect(documentOf(vericify, events).posts.map(({ kind }) => kind)).toEqual(['intent'])
  })

  it('posts nothing of a session for other sinks, but knows its status', () => {
    const started = startedWith({ output: { emit_to: ['tui'] } })
    const run = documentOf(vericify, trail(...opening, fact('session.started', started), fact('session.blocked')))
    expect(run).toMatchObject({ posts: [], held: [], open_blockers: [], sessions: [{ status: 'blocked' }] })
  })

  it('keeps posts back until they are approved, in the order of approval', () => {
    const events = trail(
      ...opening,
      fact('session.started', waits),
      fact('post.held', { post_id: 'S1.e3', kind: 'intent', summary: 'Fix it' }),
      ...working,
      fact('turn.completed', { status: 'continue', summary: 'Half way' }),
      fact('post.held', { post_id: 'S1.e8', kind: 'progress', summary: 'Half way' }),
      fact('approval.granted', { post_id: 'S1.e8' }),
      fact('approval.granted', { post_id: 'S1.e8' }),
      fact('approval.denied', { post_id: 'S1.e3' }),
    )
    const before = documentOf(vericify, events.slice(0, 3))
    expect(before).toMatchObject({ posts: [], held: [] })
    const waiting = documentOf(vericify, events.slice(0, 9))
    expect(waiting.posts).toEqual([])
    expect(waiting.held).toMatchObject([
      { post_id: 'S1.e3', state: 'held', at: timeAt(3) },
      { post_id: 'S1.e8', state: 'held', tool_refs: ['S1/1/0:git_diff'] },
    ])
    const after = documentOf(vericify, events)
    expect(after.posts).toMatchObject([{ post_id: 'S1.e8', state: 'public' }])
    expect(after.denied).toMatchObject([{ post_id: 'S1.e3', state: 'denied' }])
    expect(after.held).toEqual([])
  })

  it('shows a held blocker in the snapshot, not in public; a resume closes it', () => {
    const events = trail(
      ...opening,
      fact('session.started', waits),
      fact('session.blocked', { hold_until: timeAt(99) }),
      fact('post.held', { post_id: 'S1.e4', kind: 'blocker', summary: 'Need a key' }),
    )
    const blocked = documentOf(vericify, events)
    expect(blocked.posts).toEqual([])
    expect(blocked.open_blockers).toStrictEqual([
      {
        post_id: 'S1.e4',
        session_id: 'S1',
        reason_code: 'executor_blocked',
        summary: 'Need a key',
        at: timeAt(4),
        state: 'held',
      },
    ])
    const facts = [...opening, fact('session.started', waits), fact('session.blocked', { hold_until: timeAt(99) })]
    expect(documentOf(vericify, trail(...facts, fact('session.resumed'))).open_blockers).toEqual([])
  })

  it('gathers the sessions of a run under its reference', () => {
    const start = fact('start.requested', { tracker_item_id: 'T-1' })
    const events = recordAll([
      { session: 'S1', fact: start },
      { session: 'S2', fact: start },
      { session: 'S2', fact: fact('session.started') },
      { session: 'S1', fact: fact('session.started') },
      { session: 'S2', fact: fact('session.failed') },
    ])
    const run = documentOf(vericify, events)
    expect(run.run_ref).toBe('T-1')
    expect(run.posts.map(({ session_id, kind }) => `${session_id} ${kind}`)).toEqual([
      'S2 intent',
      'S1 intent',
      'S2 blocker',
    ])
    expect(aceBridge([run], timeAt(50)).runs).toStrictEqual([
      {
        run_ref: 'T-1',
        open_blockers: run.open_blockers,
        last_post: run.posts[2],
        sessions: [
          { session_id: 'S1', status: 'starting', updated_at: timeAt(1) },
          { session_id: 'S2', status: 'failed', updated_at: timeAt(5) },
        ],
      },
    ])
    expect(acePosts([run], timeAt(50)).posts.map(({ run_ref, post_id }) => [run_ref, post_id])).toEqual([
      ['T-1', 'S2.e3'],
      ['T-1', 'S1.e4'],
      ['T-1', 'S2.e5'],
    ])
  })
})
