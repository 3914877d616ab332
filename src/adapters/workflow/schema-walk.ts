/** Finds one's way in the front matter's schema: which schema holds for a key, and which keys a value has too many. */
import { z } from 'zod'
import { checkKinds, checkSchema, workflowConfigSchema } from '../../events/workflow-config.ts'

type Schema = z.core.$ZodType
type Path = readonly PropertyKey[]

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The schema itself, without what says that it may be left out. */
export function unwrap(schema: Schema): Schema {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return unwrap(schema.unwrap())
  }
  return schema
}

/** The schema that a value is meant for: of a union the option of the value's kind, of a check the schema of its form. */
export function schemaFor(schema: Schema, value: unknown): Schema {
  const bare = unwrap(schema)
  if (bare === checkSchema) return checkFormOf(value) ?? bare
  if (!(bare instanceof z.ZodUnion)) return bare
  const option = bare.options.find((one: Schema) =>
    one instanceof z.ZodArray ? Array.isArray(value) : one instanceof z.ZodRecord && isMap(value),
  )
  return option ?? bare
}

function checkFormOf(value: unknown): Schema | null {
  if (typeof value === 'string') return checkKinds.command.shape.command
  if (!isMap(value)) return null
  const kinds = Object.entries(checkKinds).filter(([kind]) => Object.hasOwn(value, kind))
  return kinds.length === 1 ? (kinds[0]?.[1] ?? null) : null
}

function childOf(schema: Schema, key: PropertyKey): Schema | null {
  if (schema instanceof z.ZodObject) return Object.hasOwn(schema.shape, key) ? schema.shape[String(key)] : null
  if (schema instanceof z.ZodArray) return schema.element
  return schema instanceof z.ZodRecord ? schema.valueType : null
}

/** Schema and value at a path; the schema is null where the path leads out of it. */
export function lookUp(path: Path, root: unknown): { schema: Schema | null; value: unknown } {
  let schema: Schema | null = workflowConfigSchema
  let value = root
  for (const key of path) {
    schema = schema === null ? null : childOf(schemaFor(schema, value), key)
    value = isMap(value) || Array.isArray(value) ? (value as Record<PropertyKey, unknown>)[key] : undefined
  }
  return { schema: schema === null ? null : schemaFor(schema, value), value }
}

/** Keys of a value that the schema doesn't know, by their full path, in the order they are written. */
export function unknownKeys(value: unknown, schema: Schema = workflowConfigSchema, path: Path = []): string[] {
  const bare = schemaFor(schema, value)
  if (!isMap(value) && !Array.isArray(value)) return []
  return Object.entries(value).flatMap(([key, child]) => {
    const known = childOf(bare, key)
    if (known !== null) return unknownKeys(child, known, [...path, key])
    return bare instanceof z.ZodObject ? [[...path, key].join('.')] : []
  })
}

export type WorkflowKey = { path: string; section: string; key: string; schema: z.ZodType }

/** Every key of the front matter, section by section. */
export function workflowKeys(): WorkflowKey[] {
  return Object.entries(workflowConfigSchema.shape).flatMap(([section, wrapped]) => {
    const bare = unwrap(wrapped)
    const shape = bare instanceof z.ZodObject ? bare.shape : {}
    return Object.entries(shape).map(([key, schema]) => ({
      path: `${section}.${key}`,
      section,
      key,
      schema: schema as z.ZodType,
    }))
  })
}

/** The default of a key; undefined when it is required, has none, or has one that depends on something else. */
export function defaultOf(schema: z.ZodType): unknown {
  const parsed = schema.safeParse(undefined)
  return parsed.success ? parsed.data : undefined
}

export function isRequired(schema: z.ZodType): boolean {
  return !schema.safeParse(undefined).success
}
