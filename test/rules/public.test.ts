/** What a user of the library meets: each exported name says what it means, where it is declared. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const index = fileURLToPath(new URL('../../src/index.ts', import.meta.url))
const documented = readFileSync(join(dirname(index), '../docs/library.md'), 'utf8')

type Exported = { name: string; isType: boolean; file: string }

const exported: Exported[] = [
  ...readFileSync(index, 'utf8').matchAll(/export (type )?\{([^}]*)\} from '([^']+)'/g),
].flatMap(([, allTypes, names = '', file = '']) =>
  names
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
    .map((name) => ({
      name: name.replace(/^type /, ''),
      isType: allTypes !== undefined || name.startsWith('type '),
      file: join(dirname(index), file),
    })),
)

it('finds what is exported', () => {
  expect(exported.length).toBeGreaterThan(40)
  expect(exported).toContainEqual(expect.objectContaining({ name: 'connectSwarm', isType: false }))
})

it.each(exported)('$name has a docstring', ({ name, file }) => {
  const declared = new RegExp(`\\*/\\nexport (declare )?(async )?(function\\*?|const|class|type|interface) ${name}\\b`)
  expect(readFileSync(file, 'utf8')).toMatch(declared)
})

it.each(exported.filter(({ isType }) => !isType))('$name stands in docs/library.md', ({ name }) => {
  expect(documented).toContain(name)
})
