/** How checks and hooks that failed are told to people and to the next turn. */
import type { SessionContext } from './context.ts'

export function stopCheckTask(checks: SessionContext['failedChecks']): string {
  const lines = checks.map((check) => `- ${check.name}: ${checkEnd(check)}`)
  return `The work was reported as done, but these checks failed. Fix what they name:\n${lines.join('\n')}`
}

function checkEnd({ timed_out, duration_ms, output }: SessionContext['failedChecks'][number]): string {
  const said = output.trim()
  if (!timed_out) return said || 'failed'
  return `timed out after ${Math.round(duration_ms)} ms${said === '' ? '' : `: ${said}`}`
}

export function hookEnd(data: { exit_code: number | null; timed_out: boolean; error?: string | undefined }): string {
  if (data.timed_out) return 'it timed out'
  return data.error ?? (data.exit_code === null ? 'it was ended' : `exit code ${data.exit_code}`)
}
