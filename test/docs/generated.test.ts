/** What is generated from the schemas and committed is current: JSON Schemas, and the marked parts of the documentation. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { docBlocks, withBlocks, type DocBlocks } from '../../scripts/doc-blocks.mjs'
import { jsonSchemaFiles } from '../../scripts/json-schemas.mjs'
import type { Modules } from '../../scripts/modules.mjs'
import * as prompt from '../../src/adapters/workflow/default-prompt.ts'
import * as walk from '../../src/adapters/workflow/schema-walk.ts'
import * as words from '../../src/adapters/workflow/schema-words.ts'
import * as catalog from '../../src/events/catalog.ts'
import * as envelope from '../../src/events/envelope.ts'
import * as limits from '../../src/events/limits.ts'
import * as parts from '../../src/events/parts.ts'
import * as events from '../../src/events/session-events.ts'
import * as config from '../../src/events/workflow-config.ts'
import * as ace from '../../src/projections/ace-export.ts'

const root = new URL('../../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), 'utf8')

/** The sources themselves, where the scripts read what was built from them. */
const modules: Modules = {
  z,
  events,
  envelope,
  parts,
  limits,
  catalog,
  config,
  ace,
  walk,
  words,
  prompt,
  diagram: null,
}

describe('JSON Schemas', () => {
  const files = jsonSchemaFiles(modules)

  it('are those of the sources, no more and no fewer (run npm run build)', () => {
    const committed = new Map(readdirSync(new URL('schemas/', root)).map((name) => [name, read(`schemas/${name}`)]))
    expect(Object.fromEntries(committed)).toEqual(Object.fromEntries(files))
  })

  it.each(events.EVENT_TYPES)('describe %s by its dataschema', (type) => {
    const schema: unknown = JSON.parse(files.get(`${type}.${catalog.versionOf(type)}.json`) ?? '')
    expect(schema).toMatchObject({ $id: catalog.dataschemaOf(type), type: 'object' })
  })

  it.each([
    'runtime-executor-session-registry@1.0.0',
    'vericify-process-posts@1.0.0',
    'vericify-run-bridge-snapshot@1.0.0',
  ])('describe the file %s that export ace writes', (name) => {
    const schema: unknown = JSON.parse(files.get(`${name.replace('@', '.')}.json`) ?? '')
    expect(schema).toMatchObject({ type: 'object', properties: { schema: { const: name } } })
  })
})

describe('documentation', () => {
  let blocks: DocBlocks
  beforeAll(async () => {
    const diagram = fileURLToPath(new URL('src/machines/diagram.ts', root))
    const machine = existsSync(diagram)
      ? ((await import(diagram)) as { machineDiagram: () => string }).machineDiagram()
      : null
    blocks = docBlocks({ ...modules, diagram: machine })
  })

  const pages = ['README.md', ...readdirSync(new URL('docs/', root)).map((name) => `docs/${name}`)]
  it.each(pages.filter((name) => name.endsWith('.md') && existsSync(new URL(name, root))))(
    '%s is current (run npm run docs)',
    (name) => {
      expect(read(name)).toBe(withBlocks(read(name), blocks))
    },
  )

  it('has no page that asks for an unknown part', () => {
    expect(() => withBlocks('<!-- generated:weather -->\n<!-- /generated -->', blocks)).toThrowError('weather')
  })
})
