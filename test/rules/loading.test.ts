/** What a command that only looks something up does not load: it would take longer than all the rest of it. */
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Schemas, statecharts, JetStream's own client; what only runners and writers of reports need. */
const HEAVY = ['zod', 'xstate', '@xstate/store', '@nats-io/jetstream', 'execa', 'liquidjs', 'tar', 'yaml']

describe('loading', () => {
  it.each(['connect.ts', 'commands/ps.ts', 'commands/show.ts', 'commands/view.ts'])(
    '%s needs nothing heavy',
    async (path) => {
      const packages = await packagesWith(`src/${path}`)
      expect(HEAVY.filter((name) => packages.has(name))).toEqual([])
    },
  )

  it('is told apart from what is loaded when it is used', async () => {
    expect([...(await packagesWith('src/runtime/view-fold.ts'))]).toEqual(expect.arrayContaining(['zod', 'xstate']))
  })
})

/** The packages whose modules are loaded together with one of ours. */
async function packagesWith(input: string): Promise<Set<string>> {
  const bundle = await rolldown({ cwd: root, input, platform: 'node', experimental: { attachDebugInfo: 'none' } })
  const { output } = await bundle.generate({ format: 'esm' })
  await bundle.close()
  const chunks = new Map(output.flatMap((chunk) => (chunk.type === 'chunk' ? [[chunk.fileName, chunk]] : [])))
  const loaded = new Set(output.flatMap((chunk) => (chunk.type === 'chunk' && chunk.isEntry ? [chunk.fileName] : [])))
  for (const name of loaded) for (const next of chunks.get(name)?.imports ?? []) loaded.add(next)
  const modules = [...loaded].flatMap((name) => chunks.get(name)?.moduleIds ?? [])
  return new Set(modules.flatMap((id) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1] ?? []))
}
