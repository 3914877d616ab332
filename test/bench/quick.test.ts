/** Every benchmark still runs and tells what it measured; how fast anything was is not looked at. */
import { execa } from 'execa'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
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
  'runners',
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

  it('kept lines become the tables between the markers of each page', async () => {
    const marked = 'before\n<!-- bench: begin -->\nstale\n<!-- bench: end -->\nafter\n'
    const pages = ['docs/performance.md', 'docs/growth.md', 'README.md'].map((name) => join(directory, name))
    for (const page of pages) await writeFile(page, marked)
    const machine = { cpu: 'a cpu', cores: 2, memory_gib: 8, node: 'v20', kernel: '6' }
    const line = {
      what: 'a | b',
      bare: 'c',
      bar: '<= 2x',
      value: '1.5x',
      pass: true,
      ours: '3 ms',
      theirs: '2 ms',
      machine,
    }
    const grows = {
      along: 'sessions',
      figure: 'ms each',
      points: [
        [1, 1.234],
        [1_000, 2_345.6],
      ],
    }
    const lines = [line, { ...line, what: 'only told', bar: 'report', pass: null, growth: grows }]
    const kept = join(directory, 'kept.jsonl')
    await writeFile(kept, lines.map((one) => `${JSON.stringify(one)}\n`).join(''))
    await execa('node', [join(directory, 'bench', 'run.mjs'), '--from', kept], { cwd: directory })
    const [full = '', growth = '', short = ''] = await Promise.all(pages.map((page) => readFile(page, 'utf8')))
    for (const text of [full, growth, short]) {
      expect(text).toMatch(
        /^before\n<!-- bench: begin -->\n\n\|[\s\S]*a cpu, 2 cores[\s\S]*\n<!-- bench: end -->\nafter\n$/,
      )
      expect(text).not.toContain('stale')
    }
    expect(full).toContain('| a \\| b | c | <= 2x | 1.5x | yes | 3 ms | 2 ms |')
    expect(growth).toContain('| sessions | ms each | 1: 1.23 · 1,000: 2,346 |')
    expect([full.includes('only told'), short.includes('only told')]).toEqual([true, false])
    await Promise.all(pages.map((page) => rm(page)))
  })

  it('all of them are run by one command', async () => {
    const { stdout } = await execa('node', [join(directory, 'bench', 'run.mjs'), '--list'], { cwd: directory })
    expect(stdout.split('\n').toSorted()).toEqual(SCRIPTS)
  })
})
