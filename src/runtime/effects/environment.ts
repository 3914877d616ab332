/** Which variables processes of a session get, and which values must never be seen. */
import { cut } from '../../events/recordable.ts'
import { secretsOf, type Secrets } from '../../events/redaction.ts'
import type { WorkflowConfig } from '../../events/workflow-config.ts'
import type { SessionContext } from '../../machines/context.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** Without these a shell can hardly run anything, so they are passed whatever `executor.env` says. */
const ALWAYS_PASSED = ['PATH', 'HOME', 'LANG', 'TMPDIR', 'USER', 'SHELL', 'TERM']

export type ProcessEnvironment = { env: Record<string, string>; secrets: Secrets }

/**
 * `executor.env` absent: all of the runner's variables but secrets. A list: those (secrets too, when named). A map:
 * those values, where `$NAME` stands for the runner's variable. Secrets are redacted whether they are passed or not.
 */
export function processEnvironment(runner: Environment, config: WorkflowConfig): ProcessEnvironment {
  const secrets = secretsOf(runner, config.executor.secrets)
  const { env } = config.executor
  if (env === undefined) {
    const passed = Object.entries(runner).filter(
      ([name, value]) => value !== undefined && !(name in secrets) && !looksInternal(name),
    )
    return { env: Object.fromEntries(passed) as Record<string, string>, secrets }
  }
  const base = pick(runner, ALWAYS_PASSED)
  if (Array.isArray(env)) return { env: { ...base, ...pick(runner, env) }, secrets }
  const given = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, resolve(runner, value)]))
  return { env: { ...base, ...given }, secrets: { ...secrets, ...secretsOf(given, config.executor.secrets) } }
}

/** The variables that every process of a turn gets; names kept from ACE. */
export function turnVariables(
  context: SessionContext,
  files: { prompt: string; request: string; response: string },
): Record<string, string> {
  return {
    ...sessionVariables(context),
    ACE_RUNTIME_TURN_NUMBER: String(context.turn?.number ?? context.turnsStarted),
    ACE_RUNTIME_TASK: taskVariable(context.turn?.task ?? context.task),
    ACE_RUNTIME_PROMPT_FILE: files.prompt,
    ACE_RUNTIME_REQUEST_FILE: files.request,
    ACE_RUNTIME_RESPONSE_FILE: files.response,
  }
}

/** What hooks and checks are told. */
export function sessionVariables(context: SessionContext): Record<string, string> {
  return {
    ACE_RUNTIME_SESSION_ID: context.request?.session_id ?? '',
    ACE_RUNTIME_WORKSPACE_PATH: context.workspace?.path ?? '',
    ACE_RUNTIME_TASK: taskVariable(context.task),
  }
}

function pick(from: Environment, names: readonly string[]): Record<string, string> {
  const found = names.map((name) => [name, from[name]] as const).filter(([, value]) => value !== undefined)
  return Object.fromEntries(found) as Record<string, string>
}

function resolve(runner: Environment, value: string): string {
  const reference = /^\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?$/.exec(value)
  return reference?.[1] === undefined ? value : (runner[reference[1]] ?? '')
}

/** Where the log is and how to get in is nothing for an agent. */
function looksInternal(name: string): boolean {
  return name === 'NATS_URL' || name === 'SWARMTRAIL_DIR'
}

/** The system refuses to start a process with a variable over 128 KiB; a character may take three bytes per unit. */
export const TASK_VARIABLE_CHARS_MAX = 32_768

/** The task as far as a variable can carry it, which holds no NUL bytes either. The request file has all of it. */
function taskVariable(task: string): string {
  return cut(task, TASK_VARIABLE_CHARS_MAX).replaceAll('\0', '')
}
