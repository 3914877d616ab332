import { describe, expect, it } from 'vitest'
import { memoryEventLog } from '../../src/adapters/memory/event-log.ts'
import { handleCommand } from '../../src/runtime/command-handler.ts'
import { SwarmError, type ErrorCode } from '../../src/runtime/errors.ts'
import type { EventLog } from '../../src/runtime/ports.ts'
import { randomOf } from '../simulation/random.ts'
import { Scheduler } from '../simulation/scheduler.ts'
import { sha256 } from '../support/events.ts'
import { inputOf } from '../support/facts.ts'

const fault = (code: ErrorCode) => new SwarmError(code, code, { retryable: true })

/** A start whose appends meet these fates in turn; `written` ones lose only their answer. */
async function start(...fates: ('written' | 'dropped' | 'unreachable')[]) {
  const memory = memoryEventLog(sha256)
  const log: EventLog = {
    ...memory,
    append: async (event, expected) => {
      const fate = fates.shift()
      if (fate === 'unreachable') throw fault('log_unreachable')
      if (fate === 'dropped') throw fault('append_outcome_unknown')
      const position = await memory.append(event, expected)
      if (fate === 'written') throw fault('append_outcome_unknown')
      return position
    },
  }
  const scheduler = new Scheduler(randomOf(1))
  let ids = 0
  const author = { ids: { next: () => `e${++ids}` }, sha256, source: 'client/c1' }
  let outcome: unknown = null
  const clock = scheduler.clockOf(null)
  void handleCommand({ log, clock }, author, 'S1', { type: 'START', input: inputOf() }).then(
    (result) => (outcome = result.ok ? result.position : result.code),
    (error: unknown) => (outcome = error instanceof SwarmError ? error.code : error),
  )
  await scheduler.runUntil(() => outcome !== null, 60_000, 1_000)
  return { outcome, events: (await memory.read('S1')).length }
}

describe('a command', () => {
  it('whose answer got lost is recognised and written once', async () => {
    expect(await start('written', 'written')).toEqual({ outcome: 1, events: 1 })
    expect(await start('dropped', 'written')).toEqual({ outcome: 1, events: 1 })
  })

  it('that did not reach the log says so at once', async () => {
    expect(await start('unreachable')).toEqual({ outcome: 'log_unreachable', events: 0 })
  })

  it('whose outcome is unknown stays so when the log is out of reach afterwards', async () => {
    const down = Array.from({ length: 9 }, () => 'unreachable' as const)
    expect(await start('written', ...down)).toEqual({ outcome: 'append_outcome_unknown', events: 1 })
    expect(await start('written', 'unreachable')).toEqual({ outcome: 1, events: 1 })
  })
})
