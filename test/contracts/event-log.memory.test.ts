import { memoryEventLog } from '../../src/adapters/memory/event-log.ts'
import { eventLogContract } from './event-log.contract.ts'
import { lossLaws, type LosingLog } from './event-log-loss.contract.ts'
import { sha256 } from '../support/events.ts'

async function open(): Promise<LosingLog> {
  const log = memoryEventLog(sha256)
  return {
    log,
    another: async () => log,
    plant: async (sessionId, noun, body) => log.plant(sessionId, noun, body),
    lose: async (position) => log.lose(position),
    close: async () => {},
  }
}

eventLogContract('memory', open)
lossLaws('memory', open)
