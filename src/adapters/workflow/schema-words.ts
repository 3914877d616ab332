/** What a schema expects, in the words that errors and the documentation use: `integer >= 1`, `one of block, continue`. */
import { z } from 'zod'
import { checkKinds, checkSchema } from '../../events/workflow-config.ts'
import { unwrap } from './schema-walk.ts'

export const CHECK_WORDS = `a shell command, or a map with one of ${Object.keys(checkKinds).join(', ')}`

export function wordsFor(schema: z.core.$ZodType): string {
  const bare = unwrap(schema)
  if (bare === checkSchema) return CHECK_WORDS
  if (bare instanceof z.ZodNumber) return numberWords(bare)
  if (bare instanceof z.ZodEnum) return `one of ${bare.options.join(', ')}`
  if (bare instanceof z.ZodLiteral) return [...bare.values].join(' or ')
  if (bare instanceof z.ZodUnion) return bare.options.map((option: z.core.$ZodType) => wordsFor(option)).join(', or ')
  if (bare instanceof z.ZodArray) return `list of ${pluralFor(bare.element)}`
  if (bare instanceof z.ZodRecord) return `map of ${pluralFor(bare.valueType)}`
  if (bare instanceof z.ZodBoolean) return 'true or false'
  return bare instanceof z.ZodString ? 'string' : 'map'
}

function numberWords(schema: z.ZodNumber): string {
  const kind = schema.isInt ? 'integer' : 'number'
  return schema.minValue === null || schema.minValue <= Number.MIN_SAFE_INTEGER ? kind : `${kind} >= ${schema.minValue}`
}

function pluralFor(schema: z.core.$ZodType): string {
  const bare = unwrap(schema)
  if (bare === checkSchema) return 'checks'
  return bare instanceof z.ZodString ? 'strings' : 'maps'
}
