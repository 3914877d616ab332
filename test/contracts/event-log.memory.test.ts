import { memoryEventLog } from '../../src/adapters/memory/event-log.ts'
import { eventLogContract } from './event-log.contract.ts'
import { sha256 } from '../support/events.ts'

eventLogContract('memory', async () => {
  const log = memoryEventLog(sha256)
  return {
    log,
    another: async () => log,
    plant: async (sessionId, noun, body) => log.plant(sessionId, noun, body),
    close: async () => {},
  }
})
