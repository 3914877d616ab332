/** Builds dist/ from src/, then the JSON Schemas from what was built. */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { jsonSchemaFiles } from './json-schemas.mjs'
import { loadModules } from './modules.mjs'

const EXECUTABLE = 0o755
const root = fileURLToPath(new URL('..', import.meta.url))
const dist = join(root, 'dist')
const schemas = join(root, 'schemas')

rmSync(dist, { recursive: true, force: true })
const tsc = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
})
if (tsc.error !== undefined) throw tsc.error
if (tsc.status !== 0) process.exit(tsc.status ?? 1)
if (existsSync(join(root, 'src/cli.ts'))) chmodSync(join(dist, 'cli.js'), EXECUTABLE)

rmSync(schemas, { recursive: true, force: true })
mkdirSync(schemas)
for (const [name, content] of jsonSchemaFiles(await loadModules())) writeFileSync(join(schemas, name), content)
