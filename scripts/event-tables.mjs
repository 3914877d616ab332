/** Tables of the vocabulary: each event's data, and the parts that several events share. */
import { table } from './markdown.mjs'

/** An overview, then the data of each event. */
export function eventSections(modules) {
  const { events, catalog } = modules
  const writerOf = (type) => (events.COORDINATOR_NOUNS.includes(events.nounOf(type)) ? 'coordinator' : 'runner')
  const link = (type) => `[\`${type}\`](#${type.replaceAll('.', '')})`
  const rows = events.EVENT_TYPES.map((type) => [
    link(type),
    writerOf(type),
    String(catalog.versionOf(type)),
    fieldNames(modules, type),
  ])
  const sections = events.EVENT_TYPES.map(
    (type) =>
      `### ${type}\n\nWritten by the ${writerOf(type)}; version ${catalog.versionOf(type)}, \`${catalog.dataschemaOf(type)}\`.\n\n` +
      fieldsTable(modules, events.eventSchemas[type]),
  )
  return [table(['type', 'writer', 'version', 'data'], rows), ...sections].join('\n')
}

/** Only the parts that some event, or another such part, refers to. */
export function partSections(modules) {
  return [...usedParts(modules)].map(([schema, name]) => `### ${name}\n\n${fieldsTable(modules, schema)}`).join('\n')
}

function fieldNames({ events }, type) {
  return Object.keys(events.eventSchemas[type].shape).join(', ')
}

function fieldsTable(modules, schema) {
  const rows = Object.entries(schema.shape).map(([name, field]) => [
    `\`${name}\`${isOptional(field) ? ' (optional)' : ''}`,
    typeText(modules, field),
    field.description ?? '',
  ])
  return table(['field', 'type', 'meaning'], rows)
}

/** A field without which the data can be read all the same; a field of any JSON is always written. */
function isOptional(field) {
  return field.def.type !== 'unknown' && field.safeParse(undefined).success
}

/** Parts by the schema that defines them: `outputSchema` is called `Output`. */
function partNames({ z, parts, limits, config }) {
  const named = Object.entries({ ...parts, ...limits, workflowConfigSchema: config.workflowConfigSchema })
  return new Map(
    named
      .filter(([name, value]) => name.endsWith('Schema') && value instanceof z.ZodObject)
      .map(([name, value]) => [value, `${name[0].toUpperCase()}${name.slice(1, -'Schema'.length)}`]),
  )
}

function usedParts(modules) {
  const names = partNames(modules)
  const used = new Map()
  const visit = (schema) => {
    if (used.has(schema) || schema === modules.config.workflowConfigSchema) return
    if (names.has(schema)) used.set(schema, names.get(schema))
    for (const inner of childrenOf(modules.z, schema)) visit(inner)
  }
  for (const schema of Object.values(modules.events.eventSchemas))
    for (const inner of childrenOf(modules.z, schema)) visit(inner)
  return used
}

function childrenOf(z, schema) {
  if (schema instanceof z.ZodObject) return Object.values(schema.shape)
  if (schema instanceof z.ZodArray) return [schema.element]
  return typeof schema.unwrap === 'function' ? [schema.unwrap()] : []
}

function typeText(modules, schema) {
  const { z, config } = modules
  if (schema === config.workflowConfigSchema) return '[front matter](workflow.md#keys)'
  const name = partNames(modules).get(schema)
  if (name !== undefined) return `[${name}](#${name.toLowerCase()})`
  if (schema instanceof z.ZodNullable) return `${typeText(modules, schema.unwrap())} or null`
  if (schema instanceof z.ZodArray) return `list of ${pluralText(modules, schema.element)}`
  if (schema instanceof z.ZodEnum) return schema.options.map((option) => `\`${option}\``).join(', ')
  if (schema instanceof z.ZodLiteral)
    return [...schema.values].map((value) => `\`${JSON.stringify(value)}\``).join(', ')
  if (schema instanceof z.ZodObject) {
    return `{ ${Object.entries(schema.shape)
      .map(([key, inner]) => `${key}: ${typeText(modules, inner)}`)
      .join('; ')} }`
  }
  if (schema instanceof z.ZodRecord) return `map of ${pluralText(modules, schema.valueType)}`
  if (schema instanceof z.ZodUnknown) return 'any JSON'
  return typeof schema.unwrap === 'function' ? typeText(modules, schema.unwrap()) : modules.words.wordsFor(schema)
}

function pluralText(modules, schema) {
  const text = typeText(modules, schema)
  return text === 'string' ? 'strings' : text
}
