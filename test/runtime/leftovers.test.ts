import { describe, expect, it } from 'vitest'
import { INITIAL_STATE } from '../../src/machines/decider.ts'
import type { SessionFact } from '../../src/events/session-events.ts'
import { Leftovers } from '../../src/runtime/leftovers.ts'
import { takeIn } from '../../src/runtime/trail.ts'
import { exitedOf, inputOf, openedOf, prepared, responseOf, T0, workspaceOf } from '../support/facts.ts'
import { idOf, positionOf, seal } from '../support/given.ts'

const claim = (epoch: number, host: string): SessionFact => ({
  type: 'session.claimed',
  data: { runner_id: `r${epoch}`, epoch, host, pid: epoch },
})
const spawned: SessionFact = {
  type: 'turn.spawned',
  data: { turn_number: 1, pid: 7, pgid: 7, process_started_at: 'then' },
}
const interrupted: SessionFact = {
  type: 'turn.interrupted',
  data: { turn_number: 1, last_activity: T0, restart: 1, restarts_max: 2, backoff_ms: 0, due_at: T0, reason: 'gone' },
}
const turn = (turn_number: number): SessionFact => ({
  type: 'turn.started',
  data: {
    ...prepared,
    turn_number,
    kind: 'first',
    task: 't',
    turn_timeout_ms: 1_000,
    stall_window_ms: 0,
    read_file_lines_max_lines: 1,
  },
})
const running: SessionFact[] = [
  { type: 'start.requested', data: inputOf() },
  claim(1, 'h1'),
  { type: 'session.started', data: openedOf() },
  { type: 'workspace.created', data: workspaceOf() },
  turn(1),
  spawned,
]
/** The effect that the n-th event (from 0) asked for. */
const effectOf = (index: number) => `${idOf(index)}/0`
const executor = { process: { pid: 7, pgid: 7, processStartedAt: 'then' }, marker: effectOf(4) }

function after(...facts: SessionFact[]) {
  const leftovers = new Leftovers()
  let state = INITIAL_STATE
  for (const [index, fact] of facts.entries()) {
    const item = { kind: 'event', event: seal(fact, index, state.head), position: positionOf(index), body: '' } as const
    leftovers.look(state, item)
    state = takeIn(state, item).state
  }
  return { on: (host: string) => leftovers.on(host, state) }
}

describe('what earlier owners may have left', () => {
  it('is nothing as long as one runner has it', () => {
    expect(after(...running).on('h1')).toEqual([])
  })

  it('leaves out what is still to be done: that is ended when it is begun again', () => {
    expect(after(...running, claim(2, 'h1')).on('h1')).toEqual([])
  })

  it('is an executor that another host recorded as interrupted, on the host where it ran', () => {
    const there = after(...running, claim(2, 'h2'), interrupted, turn(2))
    expect(there.on('h1')).toEqual([executor])
    expect(there.on('h2')).toEqual([])
  })

  it('is not what ended while its runner had it', () => {
    const exited: SessionFact = { type: 'turn.exited', data: { ...exitedOf(responseOf('done')), turn_number: 1 } }
    expect(after(...running, exited, claim(2, 'h2')).on('h1')).toEqual([])
  })
})
