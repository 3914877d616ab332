import { memoryArtifactStore } from '../../src/adapters/memory/artifact-store.ts'
import { artifactStoreContract } from './artifact-store.contract.ts'

artifactStoreContract('memory', async () => {
  const store = memoryArtifactStore()
  return { store, another: () => store, count: async () => null, close: async () => {} }
})
