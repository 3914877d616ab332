import { defineConfig } from 'vitest/config'

// biome-ignore lint: vitest wants the default export
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 90_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Most tests wait for processes, so a few more than there are cores keep the cores busy.
    maxWorkers: 3,
  },
})
