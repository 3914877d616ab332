/** From the text of a workflow file to its checked config and template. */
import { parseDocument, type Document } from 'yaml'
import { workflowConfigSchema, type WorkflowConfig } from '../../events/workflow-config.ts'
import { messageOf, SwarmError } from '../../runtime/errors.ts'
import { TOOL_NAMES } from '../../runtime/tool-catalog.ts'
import { describeIssues } from './config-issues.ts'
import { splitFrontMatter, YAML_FIRST_LINE } from './front-matter.ts'
import { literalSecrets } from './literal-secrets.ts'
import { isMap, unknownKeys } from './schema-walk.ts'

/** Larger workflow texts are refused; their template goes into an event, which must stay under 1 MiB. */
export const workflowTextMaxBytes = 262_144
/** How often aliases may be resolved before a text counts as one made to grow without bound. */
export const yamlAliasesMaxCount = 50

export type ParsedWorkflow = { config: WorkflowConfig; template: string; warnings: string[] }

/**
 * Throws `workflow_invalid` (naming every broken key in `details.issues`), `workflow_unclosed`, `workflow_yaml` and
 * `workflow_not_a_map`. `where` is what errors call the text.
 */
export function parseWorkflow(text: string, where: string): ParsedWorkflow {
  const bytes = new TextEncoder().encode(text).length
  if (bytes > workflowTextMaxBytes) {
    throw new SwarmError(
      'workflow_invalid',
      `${where}: ${bytes} bytes of text, at most ${workflowTextMaxBytes} are accepted`,
    )
  }
  const { yaml, template } = splitFrontMatter(text, where)
  const front = yaml === null ? {} : parseYaml(yaml, where)
  const hint = yaml === null ? ' (there is no front matter: it must open with --- on line 1)' : ''
  return { ...checkConfig(front, where, hint), template }
}

/** Checks a front matter given as a value. Throws `workflow_invalid`; `hint` ends its message. */
export function checkConfig(
  front: Record<string, unknown>,
  where: string,
  hint = '',
): { config: WorkflowConfig; warnings: string[] } {
  const value = withSections(front)
  const parsed = workflowConfigSchema.safeParse(value)
  const issues = parsed.success ? literalSecrets(parsed.data) : describeIssues(parsed.error.issues, value)
  if (parsed.success && issues.length === 0) {
    const keys = unknownKeys(value).map((key) => `unknown key ${key} is ignored`)
    return { config: parsed.data, warnings: [...keys, ...unknownTools(parsed.data)] }
  }
  const lines = issues.map(({ path, message }) => `${path}: ${message}`)
  throw new SwarmError('workflow_invalid', `${where}: ${lines.join('; ')}${hint}`, { details: { issues } })
}

/** A tool misspelt in a policy is not denied, or not allowed, without a word from anybody. */
function unknownTools({ tools }: WorkflowConfig): string[] {
  const known: readonly string[] = TOOL_NAMES
  return (['allow', 'deny'] as const).flatMap((list) =>
    (tools[list] ?? [])
      .filter((name) => !known.includes(name))
      .map((name) => `tools.${list}: no tool is named ${name}; there are ${TOOL_NAMES.join(', ')}`),
  )
}

/** A section that is left out, or whose keys are all commented out, is an empty one: then its keys are what is missing. */
function withSections(front: Record<string, unknown>): Record<string, unknown> {
  const sections = Object.keys(workflowConfigSchema.shape).map((name) => [name, front[name] ?? {}])
  return { ...front, ...Object.fromEntries(sections) }
}

function parseYaml(yaml: string, where: string): Record<string, unknown> {
  const document = parseDocument(yaml, { prettyErrors: false, uniqueKeys: true })
  // The parser only warns of tags that it can't apply; a value that is not what was asked for is an error here.
  const [fault] = [...document.errors, ...document.warnings]
  if (fault !== undefined) {
    throw new SwarmError('workflow_yaml', `${where}:${lineAt(yaml, fault.pos[0])}: ${messageOf(fault)}`, {
      cause: fault,
    })
  }
  const value = toValue(document, where)
  if (isMap(value)) return value
  throw new SwarmError('workflow_not_a_map', `${where}: the front matter is not a map of keys to values`)
}

function toValue(document: Document, where: string): unknown {
  try {
    return document.toJS({ maxAliasCount: yamlAliasesMaxCount }) ?? {}
  } catch (error) {
    // The only faults left after a clean parse are aliases: unresolved, or too many of them.
    throw new SwarmError('workflow_yaml', `${where}: ${messageOf(error)}`, { cause: error })
  }
}

function lineAt(yaml: string, offset: number): number {
  return YAML_FIRST_LINE + yaml.slice(0, offset).split('\n').length - 1
}
