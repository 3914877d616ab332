/** The JSON Schemas that are shipped: of each event's data, of the envelope, the front matter, the response file and ACE's files. */

/**
 * File name to content. All describe what readers accept: fields with a default may be left out, and unknown fields
 * are allowed wherever a reader ignores them.
 */
export function jsonSchemaFiles(modules) {
  const { z, events, envelope, parts, catalog, config, ace } = modules
  const files = new Map()
  const add = (name, id, title, schema) => {
    const { $schema, ...body } = toJsonSchema(z, config, schema)
    files.set(`${name}.json`, `${JSON.stringify({ $schema, $id: id, title, ...body }, null, 2)}\n`)
  }
  for (const type of events.EVENT_TYPES) {
    const version = catalog.versionOf(type)
    add(
      `${type}.${version}`,
      catalog.dataschemaOf(type),
      `data of ${type}, version ${version}`,
      events.eventSchemas[type],
    )
  }
  add('envelope', 'urn:swarmtrail:envelope', 'an event as stored', envelope.envelopeSchema)
  add('workflow', 'urn:swarmtrail:workflow', 'front matter of a workflow file', config.workflowConfigSchema)
  add(
    'executor-response',
    'urn:swarmtrail:executor-response',
    'response file of an executor',
    parts.executorResponseSchema,
  )
  for (const schema of [ace.aceRegistrySchema, ace.acePostsSchema, ace.aceBridgeSchema]) {
    const [name, version] = schema.shape.schema.value.split('@')
    add(`${name}.${version}`, `urn:swarmtrail:${name}:${version}`, `${name}, as export ace writes it`, schema)
  }
  return files
}

function toJsonSchema(z, config, schema) {
  const convert = (one) => z.toJSONSchema(one, { io: 'input', override })
  const override = ({ zodSchema, jsonSchema }) => {
    // Zod writes out the bounds of safe integers, which say nothing to a reader.
    if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
    if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum
    // A check is told apart by code that JSON Schema can't see, so its forms are written out here.
    if (zodSchema === config.checkSchema) {
      jsonSchema.anyOf = [
        { type: 'string', pattern: '\\S', description: 'a shell command' },
        ...Object.values(config.checkKinds).map(form),
      ]
    }
  }
  const form = (kind) => {
    const { $schema: _root, ...body } = convert(kind)
    return body
  }
  return convert(schema)
}
