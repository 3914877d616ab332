/** A config is recorded in the log for ever, so the value of a secret must not stand in it. */
import { secretsOf } from '../../events/redaction.ts'
import type { WorkflowConfig } from '../../events/workflow-config.ts'
import type { ConfigIssue } from './config-issues.ts'

/** One issue for each secret variable of `executor.env` that is written out instead of taken from the runner. */
export function literalSecrets({ executor }: WorkflowConfig): ConfigIssue[] {
  const { env } = executor
  if (env === undefined || Array.isArray(env)) return []
  return Object.entries(secretsOf(env, executor.secrets))
    .filter(([, value]) => !value.startsWith('$'))
    .map(([name]) => ({
      path: `executor.env.${name}`,
      message: `a secret can't stand in the workflow, which is recorded; write $${name} to take the runner's variable`,
    }))
}
