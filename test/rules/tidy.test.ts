/** House rules that no linter knows: sizes, names, layers of adapters, and what no committed file may say. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, posix, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const LINES_MAX = 250
/** Files that stay one because they are read as one: a list of contracts, and a state chart. */
const LONGER: Record<string, number> = { 'src/runtime/ports.ts': 400, 'src/machines/session-machine.ts': 350 }
const root = fileURLToPath(new URL('../../', import.meta.url))

/** Files in the index that are still in the work tree. */
const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' })
  .split('\0')
  .filter((path) => path !== '' && existsSync(join(root, path)))
const texts = new Map(tracked.map((path) => [path, readFileSync(join(root, path), 'utf8')]))
const code = tracked.filter((path) => /^(src|test|scripts|bench|examples)\/.*\.m?[jt]s$/.test(path))
const sources = code.filter((path) => path.startsWith('src/'))
const written = tracked.filter((path) => !path.endsWith('package-lock.json') && !path.startsWith('test/histories/'))

/** `path:line: text` of each line that matches. */
function linesWith(paths: readonly string[], pattern: RegExp): string[] {
  return paths.flatMap((path) =>
    (texts.get(path) ?? '')
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim().slice(0, 160)}`] : [])),
  )
}

/** A pattern that doesn't find itself in this file. */
const pattern = (...parts: string[]) => new RegExp(parts.join(''))

describe('every source file', () => {
  it(`has at most ${LINES_MAX} lines`, () => {
    const lengths = sources.map((path) => [path, (texts.get(path) ?? '').trimEnd().split('\n').length] as const)
    expect(lengths.filter(([path, lines]) => lines > (LONGER[path] ?? LINES_MAX))).toEqual([])
  })

  it('is named in kebab case, after the one idea in it', () => {
    const names = code.map((path) =>
      posix.basename(path).replace(/(\.(memory|nats|cluster))?(\.(test|contract))?(\.d)?\.m?[jt]s$/, ''),
    )
    expect(names.filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name))).toEqual([])
    expect(
      names.filter((name) => /^(.*-)?(util|utils|helper|helpers|manager|managers|misc|common)$/.test(name)),
    ).toEqual([])
  })

  it('exports by name, and passes nothing on wholesale', () => {
    expect(
      linesWith(
        sources.filter((path) => path !== 'src/index.ts'),
        /^export \* from/,
      ),
    ).toEqual([])
  })

  it('leaves nothing open and silences no check', () => {
    expect(linesWith(code, pattern('\\b(TO', 'DO|FIX', 'ME|XX', 'X)\\b'))).toEqual([])
    expect(linesWith(code, pattern('as unk', 'nown as'))).toEqual([])
    expect(linesWith(code, pattern('@ts-', '(ignore|nocheck|expect-error)'))).toEqual([])
    expect(linesWith(code, pattern('(ox', 'lint|es', 'lint)-disable'))).toEqual([])
  })

  it('swallows no error', () => {
    expect(linesWith(code, pattern('catch', '( ?\\([^)]*\\))? ?\\{\\s*\\}'))).toEqual([])
    expect(linesWith(code, pattern('\\.cat', 'ch\\(\\(\\) => (\\{\\s*\\}|undefined|null)\\)'))).toEqual([])
  })
})

describe('adapters', () => {
  it('do not import one another', () => {
    const imports = sources.flatMap((path) => importsOf(path).map((target) => ({ path, target })))
    const across = imports.filter(({ path, target }) => {
      const [from, to] = [adapterOf(path), adapterOf(target)]
      return from !== null && to !== null && from !== to
    })
    expect(across).toEqual([])
  })

  it('are only known to the entries', () => {
    const entries = ['src', 'src/commands']
    const inner = sources.filter((path) => adapterOf(path) === null && !entries.includes(posix.dirname(path)))
    expect(inner.filter((path) => importsOf(path).some((target) => target.startsWith('src/adapters/')))).toEqual([])
  })
})

/** Own modules that a file imports, as paths from the root. */
function importsOf(path: string): string[] {
  const found = (texts.get(path) ?? '').matchAll(/^\s*(?:import|export|\}).*?from '(\.[^']+)'/gm)
  return [...found].map((match) => posix.join(posix.dirname(path), match[1] ?? ''))
}

/** A folder of src/adapters, or a file that stands alone there. */
function adapterOf(path: string): string | null {
  return /^src\/adapters\/([^/]+)/.exec(path)?.[1] ?? null
}

describe('no committed file', () => {
  it('names a path of the machine it was written on', () => {
    const homes = pattern('(^|[^\\w.])/(home', '|Users)/[\\w.-]+|[A-Z]:\\\\', 'Users\\\\')
    expect(linesWith(written, homes)).toEqual([])
    // Where this checkout and its owner live, whatever that is called; a path of one part says too little to search for.
    const here = [root.replace(/\/$/, ''), homedir()].filter((path) => path.split(sep).length > 2)
    expect(written.filter((path) => here.some((place) => texts.get(path)?.includes(place)))).toEqual([])
  })

  it('names a registry other than the public one', () => {
    const resolved = (texts.get('package-lock.json') ?? '').matchAll(/"resolved": "https?:\/\/([^/"]+)/g)
    expect(
      [...new Set([...resolved].map((match) => match[1]))].filter((host) => host !== 'registry.npmjs.org'),
    ).toEqual([])
    const hosts = pattern('https?://[\\w.-]*(arti', 'factory|nexus|verdaccio|\\.internal|\\.corp)\\b')
    expect(linesWith(written, hosts)).toEqual([])
    expect(tracked.filter((path) => posix.basename(path) === '.npmrc')).toEqual([])
  })

  it('holds a private key or a token', () => {
    expect(
      linesWith(written, pattern('-----BEGIN [A-Z ]*PRIV', 'ATE KEY|\\bgh[pousr]_[A-Za-z0-9]{30}|\\bAKIA[0-9A-Z]{16}')),
    ).toEqual([])
  })
})
