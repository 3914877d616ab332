import { memoryViewStore } from '../../src/adapters/memory/view-store.ts'
import { viewStoreContract } from './view-store.contract.ts'

viewStoreContract('memory', async () => {
  const store = memoryViewStore()
  return { store, another: () => store, close: async () => {} }
})
