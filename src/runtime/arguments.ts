/**
 * What programs give, checked where it comes in: they may have no types, or hand on what others typed. What is wrong is
 * `invalid_argument`, naming the argument, what it has to be, and what it was.
 */
import { isSessionId, SESSION_ID_WORDS } from '../events/ids.ts'
import { isViewName, VIEW_NAMES, type ViewName } from '../projections/names.ts'
import { SwarmError } from './errors.ts'

/** What a value has to be, in words and as a test. */
export type Kind = { expected: string; fits: (value: unknown) => boolean }

const SHOWN_CHARACTERS_MAX = 80

export const text = kindOf('string', (value) => typeof value === 'string')
export const flag = kindOf('true or false', (value) => typeof value === 'boolean')
export const anyNumber = kindOf('number', (value) => typeof value === 'number' && !Number.isNaN(value))
export const callback = kindOf('function', (value) => typeof value === 'function')
export const object = kindOf('object', isObject)
export const abortSignal = kindOf('AbortSignal', (value) => value instanceof AbortSignal)
export const sessionId = kindOf(SESSION_ID_WORDS, isSessionId)
export const position = integer(0)
/** Who writes an event: CloudEvents wants a URI reference. */
export const uriReference = kindOf(
  "1 to 256 characters that a URI may have: A-Z a-z 0-9 - . _ ~ : / ? # [ ] @ ! $ & ' ( ) * + , ; = %",
  (value) => typeof value === 'string' && /^[\w.~:/?#[\]@!$&'()*+,;=%-]{1,256}$/.test(value),
)
/** What `readSummary` and `summaryOf` give. */
export const summary = kindOf('summary', (value) => isObject(value) && Array.isArray(value['sessions']))
export const logger = kindOf(
  'object with the functions info, warn and error',
  (value) => isObject(value) && ['info', 'warn', 'error'].every((name) => typeof value[name] === 'function'),
)
/** A swarm that this package has connected, or its ports. */
export const connected = kindOf(
  'a swarm of connectSwarm or openEmbeddedSwarm',
  (value) => isObject(value) && isObject(value['ports']),
)

export function integer(min: number, max = Number.MAX_SAFE_INTEGER): Kind {
  const upTo = max === Number.MAX_SAFE_INTEGER ? '' : ` and <= ${max}`
  return kindOf(
    `integer >= ${min}${upTo}`,
    (value) => Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max,
  )
}

export function oneOf(values: readonly unknown[]): Kind {
  return kindOf(`one of ${values.join(', ')}`, (value) => values.includes(value))
}

export function listOf({ expected, fits }: Kind): Kind {
  return kindOf(`an array, of each ${expected}`, (value) => Array.isArray(value) && value.every(fits))
}

export function either(one: Kind, other: Kind): Kind {
  return kindOf(`${one.expected}, or ${other.expected}`, (value) => one.fits(value) || other.fits(value))
}

/** Throws `invalid_argument` unless the value is of its kind. */
export function check(name: string, value: unknown, { expected, fits }: Kind): void {
  if (!fits(value)) throw new SwarmError('invalid_argument', `${name}: expected ${expected}, got ${shown(value)}`)
}

/** The same of each option that was given. */
export function checkOptions(given: unknown, kinds: Readonly<Record<string, Kind>>): void {
  check('options', given, object)
  const options = given as Readonly<Record<string, unknown>>
  for (const [name, kind] of Object.entries(kinds)) if (options[name] !== undefined) check(name, options[name], kind)
}

/** Throws `unknown_view`. */
export function checkView(view: ViewName): void {
  if (!isViewName(view))
    throw new SwarmError('unknown_view', `no view ${shown(view)}; there are ${VIEW_NAMES.join(', ')}`)
}

/** A value in a message: a text in quotes, of anything large only what it is. */
export function shown(value: unknown): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > SHOWN_CHARACTERS_MAX ? `${value.slice(0, SHOWN_CHARACTERS_MAX)}...` : value)
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'function') return 'a function'
  return isObject(value) ? 'an object' : String(value)
}

function kindOf(expected: string, fits: (value: unknown) => boolean): Kind {
  return { expected, fits }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
