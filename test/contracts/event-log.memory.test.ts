import { memoryEventLog } from '../../src/adapters/memory/event-log.ts'
import { eventLogContract } from './event-log.contract.ts'

eventLogContract('memory', async () => {
  const log = memoryEventLog()
  return {
    log,
    another: async () => log,
    plant: async (sessionId, noun, body) => log.plant(sessionId, noun, body),
    close: async () => {},
  }
})
