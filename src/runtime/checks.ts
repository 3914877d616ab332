/** What a check is called and what it asks of changed files: the same live and when a record is judged. */
import picomatch from 'picomatch'
import { CHECK_TIMEOUT_MS_DEFAULT, type Check } from '../events/workflow-config.ts'

export type FilesChanged = Extract<Check, { files_changed: unknown }>['files_changed']

/** Its own name, or what it checks. */
export function nameOfCheck(check: Check): string {
  if ('name' in check && check.name !== undefined) return check.name
  if ('command' in check) return check.command
  if ('file_exists' in check) return `file_exists ${check.file_exists}`
  return 'files_changed' in check ? `files_changed ${check.files_changed.include.join(' ')}` : 'no_uncommitted_changes'
}

export function timeoutOfCheck(check: Check): number {
  return 'timeout_ms' in check ? check.timeout_ms : CHECK_TIMEOUT_MS_DEFAULT
}

/** A path that may be looked for inside the workspace. */
export function isInside(path: string): boolean {
  return !path.startsWith('/') && !path.split('/').includes('..')
}

/** The changed files that count, and whether they are as many as the rule wants. */
export function countedFiles(
  { include, min = 0, max = Number.POSITIVE_INFINITY }: FilesChanged,
  changed: readonly string[],
): { ok: boolean; counted: string[] } {
  const matches = picomatch([...include], { dot: true })
  const counted = changed.filter((path) => matches(path))
  return { ok: counted.length >= min && counted.length <= max, counted }
}
