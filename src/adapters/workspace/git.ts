/** Git as a quiet, deterministic subprocess: argument arrays only, no hooks, no prompts, nothing inherited by chance. */
import { setTimeout as delay } from 'node:timers/promises'
import { messageOf } from '../../runtime/errors.ts'
import { runProgram } from './run-program.ts'

const GIT_TIMEOUT_MS = 600_000
const GIT_OUTPUT_BYTES_MAX = 500_000_000
const LOCK_RETRIES = 12
const LOCK_RETRY_STEP_MS = 50

/** Settings that may change what git reads or runs; ours win over the user's. */
const SETTINGS = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.untrackedCache=false',
  'core.quotePath=false',
  'core.sparseCheckout=false',
  'submodule.recurse=false',
  'gc.auto=0',
  'maintenance.auto=false',
].flatMap((setting) => ['-c', setting])

/** Variables that say where git's programs and the user's settings lie; all other GIT_* of the parent are dropped. */
const KEPT = /^GIT_(EXEC_PATH|CONFIG_GLOBAL|CONFIG_SYSTEM|CONFIG_NOSYSTEM|SSH|SSH_COMMAND|SSL_.*)$/

export type GitOptions = {
  cwd?: string | undefined
  gitDir?: string | undefined
  workTree?: string | undefined
  indexFile?: string | undefined
  /** New objects go to `directory`, known ones are read from `alternate`: the repository itself stays untouched. */
  objects?: { directory: string; alternate: string } | undefined
  /** Raw bytes as a latin1 string, see raw-path.ts. */
  input?: string | Uint8Array | undefined
  stdoutFile?: string | undefined
}

/** `stdout` holds raw bytes as a latin1 string, so that names in any encoding survive. */
export type GitResult = { ok: boolean; exitCode: number; stdout: string; stderr: string }

/** Runs git; a non-zero exit is a result. Throws when git can't be run, takes too long or prints too much. */
export async function git(args: readonly string[], options: GitOptions = {}): Promise<GitResult> {
  const { exitCode, stdout, stderr } = await runProgram('git', [...SETTINGS, ...args], {
    cwd: options.cwd ?? options.workTree ?? options.gitDir,
    env: environment(options),
    input: options.input === undefined ? undefined : bytesOf(options.input),
    stdoutFile: options.stdoutFile,
    timeoutMs: GIT_TIMEOUT_MS,
    outputBytesMax: GIT_OUTPUT_BYTES_MAX,
  }).catch((error: unknown) => {
    throw new Error(`git ${args[0]}: ${messageOf(error)}`, { cause: error })
  })
  return { ok: exitCode === 0, exitCode, stdout: stdout.toString('latin1'), stderr: stderr.toString('utf8') }
}

/** Runs git and returns its output; throws with its first error line on a non-zero exit. */
export async function gitOutput(args: readonly string[], options: GitOptions = {}): Promise<string> {
  const result = await git(args, options)
  if (!result.ok) throw new Error(`git ${args[0]}: ${firstError(result.stderr) ?? `exit code ${result.exitCode}`}`)
  return result.stdout
}

/** Like `git`, again and again for a bounded time while another process holds one of git's locks or is in its way. */
export async function gitPatiently(args: readonly string[], options: GitOptions = {}): Promise<GitResult> {
  for (let attempt = 1; ; attempt += 1) {
    const result = await git(args, options)
    if (result.ok || attempt > LOCK_RETRIES || !isPassing(result.stderr)) return result
    await delay(attempt * LOCK_RETRY_STEP_MS)
  }
}

/** The first line that says what went wrong, without git's own prefix. */
export function firstError(stderr: string): string | undefined {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '')
  const line = lines.find((line) => /^(error|fatal): /.test(line)) ?? lines[0]
  return line?.replace(/^(error|fatal): /, '')
}

/** Git also fails when another work tree of the repository is just made or removed while it goes through all of them. */
function isPassing(stderr: string): boolean {
  const locked = /\.lock': File exists|could not lock config file|[Uu]nable to create '.*\.lock'/
  return locked.test(stderr) || /(failed to read|could not (open|read)|Invalid path) .*\/worktrees\//.test(stderr)
}

function environment(options: GitOptions): Record<string, string> {
  const env: Record<string, string> = {}
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && (!name.startsWith('GIT_') || KEPT.test(name))) env[name] = value
  }
  env['LC_ALL'] = 'C'
  env['GIT_TERMINAL_PROMPT'] = '0'
  env['GIT_OPTIONAL_LOCKS'] = '0'
  if (options.gitDir !== undefined) env['GIT_DIR'] = options.gitDir
  if (options.workTree !== undefined) env['GIT_WORK_TREE'] = options.workTree
  if (options.indexFile !== undefined) env['GIT_INDEX_FILE'] = options.indexFile
  if (options.objects !== undefined) {
    env['GIT_OBJECT_DIRECTORY'] = options.objects.directory
    env['GIT_ALTERNATE_OBJECT_DIRECTORIES'] = quoteInList(options.objects.alternate)
  }
  return env
}

/** The list is separated by colons, so git reads quoted entries in C style. */
function quoteInList(path: string): string {
  return /[:"\\]/.test(path) ? `"${path.replace(/["\\]/g, (char) => `\\${char}`)}"` : path
}

function bytesOf(input: string | Uint8Array): Uint8Array {
  return typeof input === 'string' ? Buffer.from(input, 'latin1') : input
}
