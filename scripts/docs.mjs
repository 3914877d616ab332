/**
 * Makes the generated parts of README.md and docs/*.md anew from the built package: `node scripts/docs.mjs`.
 * With --check it changes nothing and exits with 1 when a file is stale.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { docBlocks, withBlocks } from './doc-blocks.mjs'
import { loadModules } from './modules.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const check = process.argv.includes('--check')

const blocks = docBlocks(await loadModules())
const docs = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'))
const files = ['README.md', ...docs.map((name) => `docs/${name}`)].filter((name) => existsSync(join(root, name)))

for (const name of files) {
  const text = readFileSync(join(root, name), 'utf8')
  const current = withBlocks(text, blocks)
  if (current === text) continue
  if (check) {
    console.error(`${name} is stale: run npm run docs`)
    process.exitCode = 1
  } else {
    writeFileSync(join(root, name), current)
    console.log(`${name} written`)
  }
}
