/**
 * The RFC 8785 form of a JSON value, as the `canonicalize` package gives it and several times as fast for what events
 * are made of. Whatever is out of the ordinary is left to the package, so the two can't differ.
 */
import canonicalize from 'canonicalize'

type JsonObject = Readonly<Record<string, unknown>>
type IsPlain = (text: string) => boolean

/** Printable ASCII without quote and backslash: its JSON form is itself between quotes. */
const PLAIN = /^[ !#-[\]-~]*$/
const SURROGATE = /[\ud800-\udfff]/
const isPlain: IsPlain = (text) => PLAIN.test(text)
const always: IsPlain = () => true

/** Throws for what has no canonical form: lone surrogates, numbers that are not finite. */
export function canonicalJson(value: unknown): string {
  return formOf(value, isPlain)
}

/**
 * The form of an object without one of its members. `source`: the JSON text that it was parsed from, if it was; text
 * without a backslash has only strings that are written as they are, whatever is in them.
 */
export function canonicalWithout(object: JsonObject, omitted: string, source?: string): string {
  const asWritten = source !== undefined && !source.includes('\\') && !SURROGATE.test(source)
  return objectOf(object, asWritten ? always : isPlain, omitted)
}

function formOf(value: unknown, plain: IsPlain): string {
  if (typeof value === 'string') return plain(value) ? `"${value}"` : ordinary(value)
  if (value === null || value === true || value === false || Number.isFinite(value)) return String(value)
  if (typeof value !== 'object') return ordinary(value)
  if (Array.isArray(value)) return arrayOf(value, plain)
  return 'toJSON' in value ? ordinary(value) : objectOf(value as JsonObject, plain, null)
}

/** Makes few pieces: what stands between two values is one. */
function objectOf(object: JsonObject, plain: IsPlain, omitted: string | null): string {
  const { sorted, joints } = orderOf(Object.keys(object))
  let text = ''
  let inString = false
  for (let index = 0; index < sorted.length; index++) {
    const key = sorted[index] as string
    const value = object[key]
    if (value === undefined || typeof value === 'symbol' || key === omitted) continue
    const isText = typeof value === 'string' && plain(value)
    const joint = (joints[index] as Joints)[(inString ? 2 : 0) + (isText ? 1 : 0)] as string
    text += text === '' ? `{${joint.slice(1)}` : joint
    text += isText ? value : formOf(value, plain)
    inString = isText
  }
  if (text === '') return '{}'
  return inString ? `${text}"}` : `${text}}`
}

function arrayOf(array: readonly unknown[], plain: IsPlain): string {
  if (array.length === 0) return '[]'
  let text = '['
  for (let index = 0; index < array.length; index++) {
    const value = array[index]
    const form = value === undefined || typeof value === 'symbol' ? 'null' : formOf(value, plain)
    text += index === 0 ? form : `,${form}`
  }
  return `${text}]`
}

function ordinary(value: unknown): string {
  return canonicalize(value) ?? ''
}

/** What comes before a value: `,"key":`, with the quote that begins it, with the one that ends the value before, with both. */
type Joints = readonly [string, string, string, string]
/** Keys of an object as they came, and in canonical order with their joints. */
type Order = { keys: readonly string[]; sorted: readonly string[]; joints: readonly Joints[] }

/** Objects of a kind have the same keys, so their order is known from the one before. Bounded, whatever comes. */
const orders: Order[][] = []
const KEYS_MAX = 32
const ORDERS_MAX = 32

function orderOf(keys: readonly string[]): Order {
  if (keys.length > KEYS_MAX) return sortedOrder(keys)
  const known = (orders[keys.length] ??= [])
  for (const order of known) if (isSame(order.keys, keys)) return order
  const order = sortedOrder(keys)
  known.unshift(order)
  if (known.length > ORDERS_MAX) known.pop()
  return order
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  for (let index = 0; index < one.length; index++) if (one[index] !== other[index]) return false
  return true
}

function sortedOrder(keys: readonly string[]): Order {
  const sorted = keys.toSorted()
  return { keys, sorted, joints: sorted.map(jointsOf) }
}

function jointsOf(key: string): Joints {
  const joint = `,${canonicalJson(key)}:`
  return [joint, `${joint}"`, `"${joint}`, `"${joint}"`]
}
