/** The lint rules that keep the core pure fire: each offence, laid out like our sources, is reported. */
import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))

const CORE = ['words', 'events', 'machines', 'projections', 'runtime'] as const

/** Name of the rule, then a file and its offending text. */
const OFFENCES: [rule: string, path: string, text: string][] = [
  ...CORE.flatMap((folder): [string, string, string][] => [
    [
      'no-restricted-imports',
      `src/${folder}/files.ts`,
      "import { readFileSync } from 'node:fs'\nexport const a = readFileSync",
    ],
    ['no-nodejs-modules', `src/${folder}/bare.ts`, "import { readFileSync } from 'fs'\nexport const a = readFileSync"],
    ['no-restricted-imports', `src/${folder}/process.ts`, "import { execa } from 'execa'\nexport const a = execa"],
    [
      'no-restricted-imports',
      `src/${folder}/nats.ts`,
      "import { connect } from '@nats-io/transport-node'\nexport const a = connect",
    ],
    [
      'no-restricted-imports',
      `src/${folder}/outward.ts`,
      "import { a } from '../adapters/nats/a.ts'\nexport const b = a",
    ],
    ['no-restricted-globals', `src/${folder}/clock.ts`, 'export const a = Date.now()'],
    ['no-restricted-globals', `src/${folder}/made.ts`, 'export const a = new Date()'],
    ['no-restricted-globals', `src/${folder}/env.ts`, "export const a = process.env['HOME']"],
    ['no-restricted-globals', `src/${folder}/timer.ts`, 'export const a = setTimeout(String, 1)'],
    ['no-restricted-globals', `src/${folder}/uuid.ts`, 'export const a = crypto.randomUUID()'],
    ['no-restricted-properties', `src/${folder}/random.ts`, 'export const a = Math.random()'],
  ]),
  ...['machines', 'projections', 'runtime'].map((to): [string, string, string] => [
    'no-restricted-imports',
    `src/events/to-${to}.ts`,
    `import { a } from '../${to}/a.ts'\nexport const b = a`,
  ]),
  ['no-restricted-imports', 'src/machines/to-runtime.ts', "import { a } from '../runtime/a.ts'\nexport const b = a"],
  ['no-restricted-imports', 'src/machines/to-views.ts', "import { a } from '../projections/a.ts'\nexport const b = a"],
  [
    'no-restricted-imports',
    'src/machines/actor.ts',
    "import { createActor } from 'xstate'\nexport const a = createActor",
  ],
  [
    'no-restricted-imports',
    'src/machines/renamed.ts',
    "import { createActor as make } from 'xstate'\nexport const a = make",
  ],
  ['no-restricted-imports', 'src/machines/all.ts', "import * as xstate from 'xstate'\nexport const a = xstate"],
  [
    'no-restricted-imports',
    'src/runtime/xstate.ts',
    "import { transition } from 'xstate'\nexport const a = transition",
  ],
  [
    'no-restricted-imports',
    'src/projections/to-machines.ts',
    "import { a } from '../machines/a.ts'\nexport const b = a",
  ],
  ['no-cycle', 'src/adapters/nats/one.ts', "import { two } from './two.ts'\nexport const one = () => two"],
  ['no-cycle', 'src/adapters/nats/two.ts', "import { one } from './one.ts'\nexport const two = () => one"],
  ['no-default-export', 'src/adapters/nats/default.ts', 'export default function a() {}'],
  ['no-explicit-any', 'src/adapters/nats/any.ts', 'export const a: any = 1'],
  ['no-floating-promises', 'src/adapters/nats/floating.ts', 'const a = async () => 1\nexport function b() {\n  a()\n}'],
  ['consistent-type-imports', 'src/adapters/nats/types.ts', "import { A } from './a.ts'\nexport const a: A = 1"],
  ['no-disabled-tests', 'test/skipped.test.ts', "import { it } from 'vitest'\nit.skip('later', () => {})"],
  ['no-focused-tests', 'test/focused.test.ts', "import { it } from 'vitest'\nit.only('this', () => {})"],
]

/** What must not be reported, so that the rules above are known to be no blanket refusals. */
const CLEAN: [path: string, text: string][] = [
  ...[...CORE, 'adapters/nats'].map((folder): [string, string] => [
    `src/${folder}/a.ts`,
    'export const a = 1\nexport type A = number',
  ]),
  [
    'src/adapters/nats/clock.ts',
    "import { hostname } from 'node:os'\nexport const a = [hostname(), Date.now(), Math.random()]",
  ],
  ['src/machines/pure.ts', "import { transition } from 'xstate'\nexport const a = transition"],
  ['src/runtime/inward.ts', "import { a } from '../events/a.ts'\nexport const b = a"],
]

type Report = { diagnostics: { code: string; filename: string }[] }

let directory: string
let report: Report

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lint-'))
  for (const name of ['.oxlintrc.json', 'tsconfig.json']) await copyFile(join(root, name), join(directory, name))
  await symlink(join(root, 'node_modules'), join(directory, 'node_modules'))
  for (const [path, text] of [...OFFENCES.map(([, path, text]) => [path, text] as const), ...CLEAN]) {
    await mkdir(dirname(join(directory, path)), { recursive: true })
    await writeFile(join(directory, path), `${text}\n`)
  }
  report = await lint()
})
afterAll(() => rm(directory, { recursive: true }))

/** The linter exits with 1 when it has something to report, which here it always has. */
function lint(): Promise<Report> {
  return new Promise((resolve, reject) => {
    const options = { cwd: directory, maxBuffer: 16_777_216 }
    execFile(
      join(root, 'node_modules/.bin/oxlint'),
      ['--type-aware', '--format', 'json'],
      options,
      (error, stdout, stderr) => {
        if (error !== null && error.code !== 1) reject(new Error(`the linter failed: ${stderr}`, { cause: error }))
        else resolve(JSON.parse(stdout) as Report)
      },
    )
  })
}

/** The rules that a file breaks: `eslint(no-restricted-imports)` without what it comes from. */
function brokenBy(path: string): string[] {
  const own = report.diagnostics.filter(({ filename }) => filename === path)
  return own.map(({ code }) => code.replace(/^.*\((.*)\)$/, '$1'))
}

describe('the linter', () => {
  it.each(OFFENCES)('reports %s in %s', (rule, path) => {
    expect(brokenBy(path)).toContain(rule)
  })

  it.each(CLEAN)('has nothing against %s', (path) => {
    expect(brokenBy(path)).toEqual([])
  })
})
