/**
 * Shapes of the few small things that these adapters keep for themselves, in files and in buckets. Every command reads
 * some of them, and loading a schema library for that would take it longer than all its work.
 */

/** Whether a value is of a kind. */
export type Kind<T> = (value: unknown) => value is T
type Shape = Readonly<Record<string, Kind<unknown>>>
export type Shaped<S extends Shape> = { [Key in keyof S]: S[Key] extends Kind<infer T> ? T : never }

/** What the shape names of a value, and nothing else of it; null when any of that is missing or of another kind. */
export function shaped<S extends Shape>(shape: S, value: unknown): Shaped<S> | null {
  if (typeof value !== 'object' || value === null) return null
  const found: Record<string, unknown> = {}
  for (const key in shape) {
    const member = (value as Record<string, unknown>)[key]
    if (shape[key]?.(member) !== true) return null
    if (member !== undefined) found[key] = member
  }
  return found as Shaped<S>
}

export const text: Kind<string> = (value) => typeof value === 'string'
export const flag: Kind<boolean> = (value) => typeof value === 'boolean'
export const anything: Kind<unknown> = (_value): _value is unknown => true

export function whole(min: number, max = Number.MAX_SAFE_INTEGER): Kind<number> {
  return (value): value is number => Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max
}

export function matching(pattern: RegExp): Kind<string> {
  return (value): value is string => typeof value === 'string' && pattern.test(value)
}

export function optional<T>(kind: Kind<T>): Kind<T | undefined> {
  return (value): value is T | undefined => value === undefined || kind(value)
}
