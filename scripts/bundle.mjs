/**
 * Puts the command line and what it needs of its dependencies into a few files beside the modules, one for each part
 * that is loaded when it is used: opening and linking four hundred modules takes longer than most commands themselves.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { rolldown } from 'rolldown'

/** Starts threads from files of its own. */
const LEFT_OUT = ['pino']
const FORMAT = { format: 'esm' }

/** @param {string} dist the compiled modules; its `cli.js` becomes one that loads the bundle */
export async function bundleCli(dist) {
  const cli = join(dist, 'cli.js')
  // What every command loads at once lies together, and so does what most of them load next. Not the entry itself: it
  // waits for the commands, which would wait for it.
  const [always, client] = await Promise.all([cli, join(dist, 'connect.js')].map(loadedWith))
  always.modules.delete(always.entry)
  const groups = [
    { name: 'always', priority: 2, test: (id) => always.modules.has(id) },
    { name: 'client', priority: 1, test: (id) => client.modules.has(id) },
  ]
  const output = await bundled(cli, (bundle) =>
    bundle.write({ ...FORMAT, dir: join(dist, 'bundle'), codeSplitting: { groups } }),
  )
  writeFileSync(join(dist, 'bundle', 'NOTICES.txt'), noticesOf(output.flatMap(({ moduleIds = [] }) => moduleIds)))
  writeFileSync(cli, `#!/usr/bin/env node\nimport './bundle/cli.js'\n`)
}

/** The modules that are loaded together with one. */
async function loadedWith(input) {
  const output = await bundled(input, (bundle) => bundle.generate(FORMAT))
  const { facadeModuleId: entry, moduleIds } = output.find(({ isEntry }) => isEntry)
  return { entry, modules: new Set(moduleIds) }
}

async function bundled(input, work) {
  const bundle = await rolldown({
    input,
    platform: 'node',
    external: LEFT_OUT,
    experimental: { attachDebugInfo: 'none' },
  })
  const { output } = await work(bundle)
  await bundle.close()
  return output
}

/** Names, versions and licenses of the packages whose code is in the bundle. */
function noticesOf(modules) {
  const directories = new Set(modules.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^./][^/]*/.exec(id)?.[0] ?? []))
  const notices = [...directories].map((directory) => {
    const { name, version, license } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
    const texts = readdirSync(directory).filter((file) => /^licen[cs]e/i.test(file))
    const text = texts.map((file) => readFileSync(join(directory, file), 'utf8').trim()).join('\n\n')
    return `${name} ${version} (${license})\n\n${text}\n`
  })
  return notices.toSorted().join(`\n${'-'.repeat(80)}\n\n`)
}
