/** Turns what the schema found wrong into one line per broken key: `executor.max_turns: expected integer >= 1`. */
import { z } from 'zod'
import { lookUp } from './schema-walk.ts'
import { wordsFor } from './schema-words.ts'

export type ConfigIssue = { path: string; message: string }

type Issue = z.core.$ZodIssue

export function describeIssues(issues: readonly Issue[], root: unknown): ConfigIssue[] {
  return issues.flatMap((issue) => describeIssue(issue, root))
}

function describeIssue(issue: Issue, root: unknown): ConfigIssue[] {
  const { schema, value } = lookUp(issue.path, root)
  // A union only says that no option fits; the option that the value is meant for says what is wrong with it.
  if (issue.code === 'invalid_union' && schema !== null && !(schema instanceof z.ZodUnion)) {
    const inner = z.safeParse(schema, value).error?.issues ?? []
    const narrowed = inner.filter((one) => one.code !== 'invalid_union')
    if (narrowed.length > 0) {
      return narrowed.flatMap((one) => describeIssue({ ...one, path: [...issue.path, ...one.path] }, root))
    }
  }
  return [{ path: issue.path.map(String).join('.'), message: messageFor(issue, schema, value) }]
}

function messageFor(issue: Issue, schema: z.core.$ZodType | null, value: unknown): string {
  if (value === undefined && issue.code === 'invalid_type') return 'required, but missing'
  if (issue.code === 'custom' || issue.code === 'invalid_format' || schema === null) return issue.message
  if (issue.code === 'too_big' && issue.origin !== 'array') return `expected integer <= ${issue.maximum}`
  if (issue.code === 'too_small' && issue.origin === 'array')
    return `expected ${wordsFor(schema)}, at least ${issue.minimum}`
  return `expected ${wordsFor(schema)}`
}
