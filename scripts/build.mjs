/** Builds dist/ from src/: modules, and the command line as a bundle of them; then the JSON Schemas from what was built. */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleCli } from './bundle.mjs'
import { jsonSchemaFiles } from './json-schemas.mjs'
import { loadModules } from './modules.mjs'

const EXECUTABLE = 0o755
const root = fileURLToPath(new URL('..', import.meta.url))
const dist = join(root, 'dist')
const schemas = join(root, 'schemas')

// Built beside and swapped in: what runs from dist/ meanwhile never finds it half there.
const fresh = join(root, `.dist-${process.pid}`)
const tsc = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.build.json', '--outDir', fresh], {
  cwd: root,
  stdio: 'inherit',
})
if (tsc.error !== undefined || tsc.status !== 0) {
  rmSync(fresh, { recursive: true, force: true })
  if (tsc.error !== undefined) throw tsc.error
  process.exit(tsc.status ?? 1)
}
await bundleCli(fresh)
chmodSync(join(fresh, 'cli.js'), EXECUTABLE)
rmSync(dist, { recursive: true, force: true })
renameSync(fresh, dist)

rmSync(schemas, { recursive: true, force: true })
mkdirSync(schemas)
for (const [name, content] of jsonSchemaFiles(await loadModules())) writeFileSync(join(schemas, name), content)
