/**
 * The RFC 8785 form of a JSON value, as the `canonicalize` package gives it and about three times as fast for what
 * events are made of. Whatever is out of the ordinary is left to the package, so the two can't differ.
 */
import canonicalize from 'canonicalize'

/** Printable ASCII without quote and backslash: its JSON form is itself between quotes. */
const PLAIN = /^[ !#-[\]-~]*$/

/** Throws for what has no canonical form: lone surrogates, numbers that are not finite. */
export function canonicalJson(value: unknown): string {
  if (typeof value === 'string') return PLAIN.test(value) ? `"${value}"` : ordinary(value)
  if (value === null || value === true || value === false || Number.isFinite(value)) return String(value)
  if (typeof value !== 'object') return ordinary(value)
  if (Array.isArray(value)) return `[${value.map(elementOf).join(',')}]`
  return 'toJSON' in value ? ordinary(value) : objectOf(value as Readonly<Record<string, unknown>>)
}

function objectOf(object: Readonly<Record<string, unknown>>): string {
  let text = ''
  for (const key of Object.keys(object).sort()) {
    const value = object[key]
    if (value === undefined || typeof value === 'symbol') continue
    text += `${text === '' ? '{' : ','}${canonicalJson(key)}:${canonicalJson(value)}`
  }
  return text === '' ? '{}' : `${text}}`
}

function elementOf(value: unknown): string {
  return value === undefined || typeof value === 'symbol' ? 'null' : canonicalJson(value)
}

function ordinary(value: unknown): string {
  return canonicalize(value) ?? ''
}
