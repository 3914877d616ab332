/** Every benchmark still runs and tells what it measured; how fast anything was is not looked at. */
import { execa } from 'execa'
import { cp, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { buildCli } from '../support/cli.ts'

const root = resolve(import.meta.dirname, '../..')
const SCRIPTS = [
  'alive',
  'append',
  'append-many',
  'catch-up',
  'cli',
  'crash',
  'fan-out',
  'growth',
  'replay',
  'session',
  'turn',
  'verify',
  'views',
]

const lineSchema = z.object({
  bench: z.string(),
  what: z.string(),
  bare: z.string(),
  bar: z.string(),
  value: z.string(),
  pass: z.boolean().nullable(),
  ours: z.string(),
  theirs: z.string(),
  machine: z.object({ cpu: z.string(), cores: z.int() }),
})

let directory: string

/** The benchmarks beside what is in `src` now, compiled, as they stand beside `dist`. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'swarmtrail-bench-test-'))
  const built = dirname(await buildCli())
  await cp(join(root, 'bench'), join(directory, 'bench'), { recursive: true })
  await cp(built, join(directory, 'dist'), { recursive: true })
  await cp(join(root, 'package.json'), join(directory, 'package.json'))
  await symlink(join(root, 'node_modules'), join(directory, 'node_modules'))
  await mkdir(join(directory, 'docs'))
})

afterAll(() => rm(directory, { recursive: true, force: true }))

describe('benchmarks', () => {
  it.each(SCRIPTS)('%s runs, and prints lines of JSON and nothing else', { timeout: 120_000 }, async (script) => {
    const { stdout } = await execa('node', [join(directory, 'bench', `${script}.mjs`), '--quick'], { cwd: directory })
    const lines = stdout.split('\n').map((line) => lineSchema.parse(JSON.parse(line)))
    expect(lines.length).toBeGreaterThan(0)
    expect(await readdir(join(directory, 'docs'))).toEqual([])
  })

  it('all of them are run by one command', async () => {
    const { stdout } = await execa('node', [join(directory, 'bench', 'run.mjs'), '--list'], { cwd: directory })
    expect(stdout.split('\n').toSorted()).toEqual(SCRIPTS)
  })
})
