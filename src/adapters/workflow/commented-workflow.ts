/** The workflow file that `swarmtrail init` writes: valid as it stands, with every key, its meaning and its default. */
import { stringify } from 'yaml'
import { MODEL_CLASS_DEFAULTS, workflowConfigSchema } from '../../events/workflow-config.ts'
import { DEFAULT_PROMPT } from './default-prompt.ts'
import { defaultOf, workflowKeys, type WorkflowKey } from './schema-walk.ts'
import { wordsFor } from './schema-words.ts'

const HEADER = `---
# How Swarmtrail runs agent sessions here. Only executor.command is required. Every other key is shown with its
# default, or with an example where it has none: remove the # in front of a key to set it.
# Below the second line of three dashes stands the prompt; it is the default one, to be changed as you like.
`

const COMMAND = `  # The agent, run once per turn with sh -c in the session's workspace. It finds its prompt in the file
  # $ACE_RUNTIME_PROMPT_FILE and answers in the file $ACE_RUNTIME_RESPONSE_FILE. Put yours here, for example
  #   my-agent --unattended < "$ACE_RUNTIME_PROMPT_FILE"
  # With protocol exit-code any command line will do: exit code 0 is done, anything else failed.
  command: |
    echo "turn $ACE_RUNTIME_TURN_NUMBER got a prompt of $(wc -c < "$ACE_RUNTIME_PROMPT_FILE") bytes"
    echo '{"status": "done", "summary": "Nothing was changed: no agent is set in executor.command yet."}' > "$ACE_RUNTIME_RESPONSE_FILE"
`

/** What keys without a default could look like. */
const EXAMPLES: Record<string, unknown> = {
  'executor.env': ['DATABASE_URL', 'MY_AGENT_KEY'],
  'workspace.source': 'worktree',
  'workspace.root': '.swarmtrail/workspaces',
  'hooks.after_create': 'npm ci',
  'hooks.before_run': 'git config user.name agent',
  'hooks.after_run': 'git status --short',
  'hooks.before_remove': 'npm run clean',
  'tools.allow': ['read_file_lines', 'search_text'],
}

/** Examples of lists that are empty by default, for the comment above the key. */
const FORMS: Record<string, readonly string[]> = {
  'autonomy.before_run': ['for example [{name: clean, no_uncommitted_changes: true}]'],
  'autonomy.stop': [
    'for example [npm test, {name: docs, file_exists: README.md}, {files_changed: {include: ["src/**"], min: 1}}]',
  ],
}

export function commentedWorkflow(): string {
  const keys = workflowKeys()
  const sections = Object.keys(workflowConfigSchema.shape).map((section) => {
    const own = keys.filter((key) => key.section === section)
    return `\n${section}:\n${own.map(block).join('')}`
  })
  return `${HEADER}${sections.join('')}---\n${DEFAULT_PROMPT}`
}

function block(key: WorkflowKey): string {
  if (key.path === 'executor.command') return COMMAND
  const comments = [`${key.schema.description} (${wordsFor(key.schema)})`, ...(FORMS[key.path] ?? [])]
  return [...comments.map((line) => `  # ${line}\n`), `  #${key.key}: ${inline(shownValue(key))}\n`].join('')
}

function shownValue({ path, key, schema }: WorkflowKey): unknown {
  const byClass: Record<string, number> = MODEL_CLASS_DEFAULTS.frontier
  return defaultOf(schema) ?? EXAMPLES[path] ?? byClass[key]
}

function inline(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trim()
}
