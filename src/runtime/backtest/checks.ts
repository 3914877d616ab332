/** Stop checks held against a record: what they would have found, where the record tells. */
import type { Capture, CheckResult, Workspace } from '../../events/parts.ts'
import type { Check } from '../../events/workflow-config.ts'
import { countedFiles, isInside, nameOfCheck, timeoutOfCheck } from '../checks.ts'

/** What is known about the workspace at the moment of a claim. */
export type Evidence = {
  /** The checks that judged this claim, as configured then, with what they found. */
  recorded: readonly { check: Check; result: CheckResult }[]
  /** What was captured right after this claim; null: the claim was not the last, or nothing was captured. */
  capture: Capture | null
  source: Workspace['source'] | null
}
export type Judgement = { failed: string[]; unknown: string[] }

export function judgeChecks(checks: readonly Check[], evidence: Evidence): Judgement {
  const judged = checks.map((check) => ({ name: nameOfCheck(check), ok: judge(check, evidence) }))
  const named = (ok: boolean | null) => judged.filter((check) => check.ok === ok).map(({ name }) => name)
  return { failed: named(false), unknown: named(null) }
}

/** Null: not in the record. */
function judge(check: Check, evidence: Evidence): boolean | null {
  const known = fromRecordedResult(check, evidence.recorded)
  if (known !== null) return known
  const { capture } = evidence
  if (capture === null || 'command' in check) return null
  if ('files_changed' in check)
    return countedFiles(
      check.files_changed,
      capture.files.map(({ path }) => path),
    ).ok
  if ('file_exists' in check) return fileExists(check.file_exists, capture)
  return isClean(evidence)
}

/** The very same check judged this claim; a shorter timeout may have ended it, a longer one may have let it pass. */
function fromRecordedResult(check: Check, recorded: Evidence['recorded']): boolean | null {
  const found = recorded.find((before) => essenceOf(before.check) === essenceOf(check))
  if (found === undefined) return null
  const { result } = found
  const timeout = timeoutOfCheck(check)
  if ('command' in check && result.duration_ms > timeout) return false
  const longer = 'command' in check && 'command' in found.check && timeout > timeoutOfCheck(found.check)
  return result.timed_out && longer ? null : result.ok
}

/** What a check asks, without its name and timeout. */
function essenceOf(check: Check): string {
  if ('command' in check) return JSON.stringify(['command', check.command])
  if ('file_exists' in check) return JSON.stringify(['file_exists', check.file_exists])
  if (!('files_changed' in check)) return 'no_uncommitted_changes'
  const { include, min, max } = check.files_changed
  return JSON.stringify(['files_changed', include, min ?? null, max ?? null])
}

/** A file that nobody touched may be there or not: the capture holds only what changed. */
function fileExists(path: string, { files }: Capture): boolean | null {
  if (!isInside(path)) return false
  const wanted = path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')
  const there = files.filter(({ change }) => change !== 'deleted')
  if (there.some((file) => file.path === wanted || file.path.startsWith(`${wanted}/`))) return true
  return files.some((file) => file.path === wanted && file.change === 'deleted') ? false : null
}

/** Changed files in a git work tree may have been committed; elsewhere any change counts. */
function isClean({ capture, source }: Evidence): boolean | null {
  if (capture === null || source === null) return null
  if (capture.files.length === 0) return true
  return source === 'worktree' || source === 'in-place' ? null : false
}
