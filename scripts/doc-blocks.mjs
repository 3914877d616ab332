/** The generated parts of the documentation, by the name that their markers carry. */
import { eventSections, partSections } from './event-tables.mjs'
import { table } from './markdown.mjs'

const MARKED = /(<!-- generated:([a-z-]+) -->\n)[\s\S]*?(<!-- \/generated -->)/g

/** Name to Markdown; null keeps what stands there. */
export function docBlocks(modules) {
  return {
    'workflow-keys': workflowKeys(modules),
    'class-defaults': classDefaults(modules),
    checks: checkForms(modules),
    'default-prompt': `\`\`\`\`liquid\n${modules.prompt.DEFAULT_PROMPT}\`\`\`\`\n`,
    events: eventSections(modules),
    parts: partSections(modules),
    machine: modules.diagram === null ? null : `\`\`\`mermaid\n${modules.diagram.trim()}\n\`\`\`\n`,
  }
}

/** The text with each marked part made anew. Throws on a marker that names no block. */
export function withBlocks(text, blocks) {
  return text.replace(MARKED, (whole, open, name, close) => {
    if (!Object.hasOwn(blocks, name)) throw new Error(`no generated part is called ${name}`)
    return blocks[name] === null ? whole : `${open}\n${blocks[name]}\n${close}`
  })
}

function workflowKeys({ walk, words, config }) {
  const rows = walk
    .workflowKeys()
    .map(({ path, key, schema }) => [
      `\`${path}\``,
      words.wordsFor(schema),
      defaultText(walk, schema, key in config.MODEL_CLASS_DEFAULTS.frontier),
      schema.description ?? '',
    ])
  return table(['key', 'type', 'default', 'meaning'], rows)
}

function defaultText(walk, schema, byClass) {
  if (walk.isRequired(schema)) return 'required'
  const value = walk.defaultOf(schema)
  if (value === undefined) return byClass ? 'by class' : 'none'
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``
}

function classDefaults({ config }) {
  const defaults = config.MODEL_CLASS_DEFAULTS
  const rows = Object.keys(defaults.frontier).map((key) => [
    `\`${key}\``,
    ...config.MODEL_CLASSES.map((name) => String(defaults[name][key])),
  ])
  return table(['key', ...config.MODEL_CLASSES.map((name) => `\`${name}\``)], rows)
}

function checkForms({ z, config, words, walk }) {
  const rows = Object.values(config.checkKinds).flatMap((form) =>
    Object.entries(form.shape).flatMap(([key, schema]) => checkRows(z, words, walk, key, schema)),
  )
  const seen = new Set()
  return table(
    ['key', 'type', 'default', 'meaning'],
    rows.filter(([key]) => !seen.has(key) && seen.add(key)),
  )
}

function checkRows(z, words, walk, path, schema) {
  if (schema instanceof z.ZodObject) {
    return Object.entries(schema.shape).flatMap(([key, inner]) => checkRows(z, words, walk, `${path}.${key}`, inner))
  }
  const value = walk.defaultOf(schema)
  return [
    [
      `\`${path}\``,
      words.wordsFor(schema),
      value === undefined ? '' : `\`${JSON.stringify(value)}\``,
      schema.description ?? '',
    ],
  ]
}
