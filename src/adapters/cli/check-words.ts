/** Checks in a few words each: their names and how they ended. */
import type { CheckResult } from '../../events/parts.ts'
import { isCutOff } from '../../projections/verification.ts'

/** `npm test ok, files_changed *.ts FAILED, npm run e2e ended by the stop`. */
export function checkWords(checks: readonly CheckResult[]): string {
  return checks.map((check) => `${check.name} ${endOf(check)}`).join(', ')
}

function endOf(check: CheckResult): string {
  if (check.ok) return 'ok'
  return isCutOff(check) ? 'ended by the stop' : 'FAILED'
}
