/**
 * Replaces the values of secret variables by `[redacted:NAME]`. Only values as they are get found: a secret that a
 * program prints encoded (base64, percent, JSON escapes) is not recognised.
 */

/** Names of variables by name; values are what must not be seen. */
export type Secrets = Readonly<Record<string, string>>

/** Shorter values are left alone: replacing every `1` or `yes` would shred the output and hide nothing. */
export const SECRET_CHARS_MIN = 4

const SECRET_NAME = /TOKEN|SECRET|PASSWORD|KEY|CREDENTIAL/i

/** Secrets made ready for searching; `null` when there is nothing to hide. */
export type SecretPattern = {
  /** Matches the leftmost, longest value; global. */
  pattern: RegExp
  /** Longest first, without duplicates. */
  values: readonly string[]
  labelOf: (value: string) => string
}

/** The variables whose values must be hidden: those whose name sounds secret, and those named in `extraNames`. */
export function secretsOf(
  env: Readonly<Record<string, string | undefined>>,
  extraNames: readonly string[] = [],
): Record<string, string> {
  const listed = new Set(extraNames)
  const found = Object.entries(env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && isHideable(entry[1]) && (SECRET_NAME.test(entry[0]) || listed.has(entry[0])),
  )
  return Object.fromEntries(found)
}

/** Prepares secrets for many searches. When two names share a value, the first one labels it. */
export function compileSecrets(secrets: Secrets): SecretPattern | null {
  const names = new Map<string, string>()
  for (const [name, value] of Object.entries(secrets)) {
    if (isHideable(value) && !names.has(value)) names.set(value, name)
  }
  if (names.size === 0) return null
  const values = [...names.keys()].toSorted((a, b) => b.length - a.length)
  return {
    // Alternatives are tried in order, so the longest value at a place wins.
    pattern: new RegExp(values.map(escapeRegExp).join('|'), 'g'),
    values,
    labelOf: (value) => `[redacted:${names.get(value) ?? ''}]`,
  }
}

export function redactText(text: string, secrets: Secrets): string {
  const compiled = compileSecrets(secrets)
  return compiled === null ? text : replaceIn(text, compiled)
}

/** Redacts every string of a JSON value, keys included; everything else stays as it is. */
export function redactDeep<T>(value: T, secrets: Secrets): T {
  const compiled = compileSecrets(secrets)
  return compiled === null ? value : (redactValue(value, compiled) as T)
}

function redactValue(value: unknown, secrets: SecretPattern): unknown {
  if (typeof value === 'string') return replaceIn(value, secrets)
  if (Array.isArray(value)) return value.map((item) => redactValue(item, secrets))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [replaceIn(key, secrets), redactValue(item, secrets)]),
  )
}

function replaceIn(text: string, { pattern, labelOf }: SecretPattern): string {
  return text.replace(pattern, labelOf)
}

/** Settings such as `USE_KEYCHAIN=true`: hiding them would shred every output and protect nothing. */
const NO_SECRETS: ReadonlySet<string> = new Set(['true', 'false', 'none', 'null'])

function isHideable(value: string): boolean {
  return value.length >= SECRET_CHARS_MIN && !NO_SECRETS.has(value.toLowerCase())
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
