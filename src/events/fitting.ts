/**
 * A quick yes for the usual case. From a zod schema comes a test that says of a JSON value that zod would accept it and
 * give it back unchanged; everything else (wrong, incomplete, with unknown keys, or of a kind not known here) gets no,
 * and then zod itself has to look. So zod stays the one definition of what is valid, and yes is cheap: nothing is copied.
 */
import type { z } from 'zod'

export type Fits = (value: unknown) => boolean

const never: Fits = () => false

/** The test of a schema. What is not known here gets no, never yes. */
export function fitsOf(schema: z.core.$ZodType): Fits {
  const { type, checks = [] } = schema._zod.def
  const kind = kindOf(schema as z.core.$ZodTypes)
  const [first, ...more] = checks.map((check) => checkOf(check as Check))
  if (first === undefined) return kind
  const rest = more.reduce<Fits>((test, next) => (value) => test(value) && next(value), first)
  // Nothing but a string passes a pattern, so one test will do.
  const isPattern = type === 'string' && kind !== never && checks[0]?._zod.def.check === 'string_format'
  return isPattern ? rest : (value) => kind(value) && rest(value)
}

function kindOf(schema: z.core.$ZodTypes): Fits {
  const { def } = schema._zod
  switch (def.type) {
    case 'string':
      return 'format' in def || def.coerce === true ? never : (value) => typeof value === 'string'
    case 'number':
      return numberOf(def)
    case 'boolean':
      return def.coerce === true ? never : (value) => typeof value === 'boolean'
    case 'unknown':
      return (value) => value !== undefined
    case 'literal':
      return oneOf(def.values)
    case 'enum':
      return oneOf(Object.values(def.entries))
    case 'nullable':
      return nullableOf(def.innerType)
    case 'optional':
    case 'default':
    case 'prefault':
      // What is there goes through unchanged. What is missing is no value: the object around it knows of that.
      return fitsOf(def.innerType)
    case 'array':
      return arrayOf(def.element)
    case 'record':
      return recordOf(def)
    case 'object':
      return objectOf(def.shape)
    default:
      return never
  }
}

function numberOf(def: z.core.$ZodNumberDef | z.core.$ZodNumberFormatDef): Fits {
  if (def.coerce === true) return never
  if (!('format' in def)) return Number.isFinite
  return def.format === 'safeint' ? Number.isSafeInteger : never
}

function oneOf(values: readonly unknown[]): Fits {
  const [only] = values
  if (values.length === 1) return (value) => value === only && value !== undefined
  const all = new Set(values)
  return (value) => value !== undefined && all.has(value)
}

function nullableOf(inner: z.core.$ZodType): Fits {
  const fits = fitsOf(inner)
  return (value) => value === null || fits(value)
}

function arrayOf(element: z.core.$ZodType): Fits {
  const fits = fitsOf(element)
  return (value) => {
    if (!Array.isArray(value)) return false
    for (const one of value) if (!fits(one)) return false
    return true
  }
}

function recordOf({ keyType, valueType }: z.core.$ZodRecordDef): Fits {
  const { type, checks = [] } = keyType._zod.def
  if (type !== 'string' || checks.length > 0 || 'format' in keyType._zod.def) return never
  const fits = fitsOf(valueType)
  return (value) => {
    if (!isPlain(value)) return false
    for (const key of Object.keys(value)) if (key === '__proto__' || !fits(value[key])) return false
    return true
  }
}

function objectOf(shape: Readonly<Record<string, z.core.$ZodType>>): Fits {
  const fields = Object.entries(shape).map(([key, schema]) => ({
    key,
    fits: fitsOf(schema),
    mayMiss: schema._zod.def.type === 'optional' && schema._zod.optin === 'optional',
  }))
  return (value) => {
    if (!isPlain(value)) return false
    let known = 0
    for (const { key, fits, mayMiss } of fields) {
      const field = value[key]
      if (field === undefined) {
        if (!mayMiss) return false
      } else if (fits(field)) known += 1
      else return false
    }
    for (const _ in value) known -= 1
    return known === 0
  }
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}

/** A refinement is a check too, which zod's own list of them leaves out. */
type Check = z.core.$ZodChecks | z.core.$ZodCustom

function checkOf(check: Check): Fits {
  const { def } = check._zod
  switch (def.check) {
    case 'string_format':
      return def.format === 'regex' && def.pattern !== undefined ? matching(def.pattern) : never
    case 'min_length':
      return (value) => lengthOf(value) >= def.minimum
    case 'max_length':
      return (value) => lengthOf(value) <= def.maximum
    case 'greater_than':
      return bound(def, (value, limit) => value > limit)
    case 'less_than':
      return bound(def, (value, limit) => value < limit)
    case 'custom':
      return typeof def.fn === 'function' ? (value) => def.fn(value) === true : never
    default:
      return never
  }
}

function bound(def: { value: unknown; inclusive: boolean }, within: (value: number, limit: number) => boolean): Fits {
  const { value: limit, inclusive } = def
  if (typeof limit !== 'number') return never
  return (value) => typeof value === 'number' && (within(value, limit) || (inclusive && value === limit))
}

function lengthOf(value: unknown): number {
  return typeof value === 'string' || Array.isArray(value) ? value.length : Number.NaN
}

const SHA256_HEX = '^[0-9a-f]{64}$'
const matchers = new WeakMap<RegExp, Fits>()

/** Patterns without state. What matched last is known: each event of a trail names the hash of the one before. */
function matching(pattern: RegExp): Fits {
  if (pattern.global || pattern.sticky) return never
  const known = matchers.get(pattern)
  if (known !== undefined) return known
  const isDigestPattern = pattern.source === SHA256_HEX && pattern.flags === ''
  const test = isDigestPattern ? isDigest : (text: string) => pattern.test(text)
  let last = ''
  const fits: Fits = (value) => {
    if (typeof value !== 'string') return false
    if (value === last && last !== '') return true
    if (!test(value)) return false
    last = value
    return true
  }
  matchers.set(pattern, fits)
  return fits
}

const HEX = Uint8Array.from({ length: 128 }, (_, code) => (/[0-9a-f]/.test(String.fromCharCode(code)) ? 1 : 0))

/** As the pattern of digests says, but without a branch for each character, which nobody can foresee. */
function isDigest(text: string): boolean {
  if (text.length !== 64) return false
  let codes = 0
  let hex = 1
  for (let index = 0; index < 64; index++) {
    const code = text.charCodeAt(index)
    codes |= code
    hex &= HEX[code & 127] ?? 0
  }
  return hex === 1 && codes < 128
}
