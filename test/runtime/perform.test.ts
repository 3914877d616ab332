/** When an effect may begin: the log can be reached, and the session is ours as of then. */
import { expect, it } from 'vitest'
import { memoryEventLog } from '../../src/adapters/memory/event-log.ts'
import { systemClock } from '../../src/adapters/system/clock.ts'
import { INITIAL_STATE } from '../../src/machines/decider.ts'
import type { Intent } from '../../src/machines/intents.ts'
import { performer } from '../../src/runtime/effects/perform.ts'
import type { Clock, EventLog, RunnerPorts } from '../../src/runtime/ports.ts'
import type { RunnerSettings } from '../../src/runtime/runner-settings.ts'
import { sha256 } from '../support/events.ts'

it('a runner that waited for the log makes sure once more before it begins', async () => {
  const seen: string[] = []
  const reachable = [false, false, true]
  const clock: Clock = { ...systemClock(), sleep: async () => void seen.push('waited') }
  const log: EventLog = { ...memoryEventLog(sha256), reachable: () => reachable.shift() ?? true }
  const sure = async () => {
    seen.push('made sure')
    return true
  }
  const perform = performer({ clock, log } as RunnerPorts, {} as RunnerSettings, sure)
  const scope = { signal: new AbortController().signal, recovered: false, state: () => INITIAL_STATE, report: () => {} }
  const intent: Intent = { id: 'e1/0', type: 'conclude', params: {}, owner: 'executing.concluding' }
  expect(await perform(intent, scope)).toEqual({ type: 'CONCLUDE' })
  expect(seen).toEqual(['made sure', 'waited', 'made sure', 'waited', 'made sure'])
})
