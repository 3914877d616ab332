import { wordsOf } from '../../events/catalog.ts'
import { cut, isNestedTooDeep, NESTING_MAX } from '../../events/recordable.ts'
import { redactDeep, redactText, type Secrets } from '../../events/redaction.ts'
import {
  executorResponseSchema,
  type ArtifactRef,
  type ExecutorResponse,
  type ResponseIssue,
} from '../../events/parts.ts'
import { toTimestamp } from '../../events/timestamp.ts'
import type { EffectResult } from '../../machines/commands.ts'
import { messageOf, SwarmError } from '../errors.ts'
import { leftoverOf } from '../leftovers.ts'
import type { ShellResult } from '../ports.ts'
import {
  contextIn,
  environmentIn,
  markerOf,
  sessionIn,
  startedIn,
  workspaceIn,
  type Effect,
  type EffectInput,
} from './effect.ts'
import { turnVariables } from './environment.ts'
import { turnFiles } from './turn-files.ts'
import { storeOutput, storeSurely, upload } from './storing.ts'

type Input = EffectInput<'execTurn'>
export const RESPONSE_BYTES_MAX = 524_288
const PROGRESS_INTERVAL_MS = 1_000
const SUMMARY_CHARS_MAX = 2_000

/** Runs the executor once and reads its answer. A turn that an earlier runner began is never begun again, but interrupted. */
export const execTurn: Effect<'execTurn'> = async (input) => {
  if (input.scope.recovered) return interruptLost(input)
  const result = await runExecutor(input)
  if (input.scope.signal.aborted && !['stop', 'drain'].includes(String(input.scope.signal.reason))) return null
  const [stdout, stderr] = await storeSurely(input, () =>
    Promise.all([storeOutput(input.ports, result.stdout), storeOutput(input.ports, result.stderr)]),
  )
  const cut = { duration_ms: result.durationMs, last_activity: toTimestamp(result.lastActivityMs), stdout, stderr }
  switch (result.ended) {
    case 'stalled':
      return { type: 'TURN_STALLED', ...cut }
    case 'timed_out':
      return { type: 'TURN_TIMED_OUT', ...cut }
    case 'aborted':
      return input.scope.signal.reason === 'stop'
        ? { type: 'TURN_STOPPED', ...cut }
        : { type: 'TURN_INTERRUPTED', reason: `runner ${input.settings.runnerId} is shutting down`, ...cut }
    default:
      return { type: 'TURN_EXITED', ...exitOf(result), stdout, stderr, ...(await answerOf(input, result)) }
  }
}

/** The process belonged to a runner that is gone: what is left of it on this host is ended first. */
async function interruptLost({ intent, scope, ports }: Input): Promise<EffectResult> {
  const { turn, stop } = contextIn(scope)
  const { killed } = await ports.shell.reap(leftoverOf(intent, turn))
  const last_activity = turn?.last_activity ?? null
  if (stop !== null) return { type: 'TURN_STOPPED', last_activity }
  const found = killed.length === 0 ? 'nothing of it was left running' : `ended its processes ${killed.join(', ')}`
  return { type: 'TURN_INTERRUPTED', reason: `the runner that ran it is gone; ${found}`, last_activity }
}

async function runExecutor(input: Input): Promise<ShellResult> {
  const { intent, scope, ports } = input
  const { turn } = contextIn(scope)
  if (turn === null) throw new SwarmError('runner_error', 'no turn has been started')
  const files = turnFiles(ports.scratch, turn.directory)
  const { env, secrets } = environmentIn(input)
  const progress = progressReports(input)
  const result = await ports.shell.run({
    command: startedIn(scope).config.executor.command,
    cwd: workspaceIn(scope).path,
    env: { ...env, ...turnVariables(contextIn(scope), files) },
    marker: markerOf(intent),
    timeoutMs: turn.turn_timeout_ms,
    stallWindowMs: turn.stall_window_ms,
    secrets,
    spool: turn.directory,
    signal: scope.signal,
    onSpawn: ({ pid, pgid, processStartedAt }) =>
      scope.report({ type: 'TURN_SPAWNED', pid, pgid, process_started_at: processStartedAt }),
    onOutput: (stream, chunk, atMs, bytes) => {
      progress.moved(stream, bytes, atMs)
      ports.log.publishOutput(sessionIn(scope), stream, chunk)
    },
  })
  progress.stop()
  return result
}

/** At most one `turn.progressed` per second, and only when something moved: a process that is silent costs nothing. */
function progressReports({ ports, scope }: Input) {
  const bytes = { stdout: 0, stderr: 0 }
  let lastMs = 0
  let waiting: AbortController | null = null
  const reportLater = async (signal: AbortSignal) => {
    await ports.clock.sleep(PROGRESS_INTERVAL_MS, signal)
    if (signal.aborted) return
    waiting = null
    const { stdout: stdout_bytes, stderr: stderr_bytes } = bytes
    scope.report({ type: 'TURN_PROGRESSED', last_activity: toTimestamp(lastMs), stdout_bytes, stderr_bytes })
  }
  return {
    moved(stream: 'stdout' | 'stderr', bytesNow: number, atMs: number): void {
      bytes[stream] = bytesNow
      lastMs = atMs
      if (waiting !== null) return
      waiting = new AbortController()
      void reportLater(waiting.signal)
    },
    stop: () => waiting?.abort(),
  }
}

function exitOf({ exitCode, signal, durationMs }: ShellResult) {
  return { exit_code: exitCode, signal, duration_ms: durationMs }
}

type Answer = { response: ExecutorResponse | null; response_artifact: ArtifactRef | null; issues: ResponseIssue[] }

function notSpawned(result: ShellResult): Answer {
  const summary = `the executor could not be started: ${result.error ?? 'unknown reason'}`
  return {
    response: { status: 'failed', summary, tool_calls: [], evidence_refs: [] },
    response_artifact: null,
    issues: [],
  }
}

const NO_ANSWER: Answer = { response: null, response_artifact: null, issues: [] }

/** What the process answered, unless it was ended before it could. */
async function answerOf(input: Input, result: ShellResult): Promise<Answer> {
  if (result.ended === 'not_spawned') return notSpawned(result)
  if (result.ended !== 'exited') return NO_ANSWER
  const { config } = startedIn(input.scope)
  return config.executor.protocol === 'exit-code' ? fromExitCode(result) : fromResponseFile(input)
}

/** Protocol `exit-code`: 0 is done, anything else failed; the summary is the last non-blank output line. */
function fromExitCode(result: ShellResult): Answer {
  const status = result.exitCode === 0 ? 'done' : 'failed'
  const fallback = result.exitCode === null ? `ended by ${result.signal ?? 'a signal'}` : `exit code ${result.exitCode}`
  const summary = cut(lastLine(result.stdout.tail) ?? lastLine(result.stderr.tail) ?? fallback, SUMMARY_CHARS_MAX)
  return { response: { status, summary, tool_calls: [], evidence_refs: [] }, response_artifact: null, issues: [] }
}

function lastLine(text: string): string | undefined {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .findLast((line) => line !== '')
}

/** Protocol `ace`: the response file decides, whatever the exit code was. */
async function fromResponseFile(input: Input): Promise<Answer> {
  const { ports, scope } = input
  const path = turnFiles(ports.scratch, contextIn(scope).turn?.directory ?? '').response
  const { secrets } = environmentIn(input)
  let text: string | null
  try {
    text = await ports.scratch.read(path, RESPONSE_BYTES_MAX)
  } catch (error) {
    return {
      response: null,
      response_artifact: null,
      issues: [{ path: '', message: `unreadable: ${messageOf(error)}` }],
    }
  }
  if (text === null)
    return { response: null, response_artifact: null, issues: [{ path: '', message: 'no response file was written' }] }
  const response_artifact = await upload(input, redactText(text, secrets), escaped(secrets))
  return { ...parseResponse(text, secrets), response_artifact }
}

/** Secrets as they look inside a JSON string. */
function escaped(secrets: Secrets): Secrets {
  return Object.fromEntries(Object.entries(secrets).map(([name, value]) => [name, JSON.stringify(value).slice(1, -1)]))
}

function parseResponse(text: string, secrets: Secrets): Pick<Answer, 'response' | 'issues'> {
  let raw: unknown
  try {
    raw = JSON.parse(text)
  } catch (error) {
    return { response: null, issues: [{ path: '', message: `not JSON${withoutQuote(messageOf(error))}` }] }
  }
  if (isNestedTooDeep(raw)) {
    return { response: null, issues: [{ path: '', message: `nested deeper than ${NESTING_MAX} levels` }] }
  }
  const parsed = executorResponseSchema.safeParse(redactDeep(raw, secrets))
  if (parsed.success) return { response: parsed.data, issues: [] }
  const issues = parsed.error.issues.map((issue) => ({
    path: issue.path.map(String).join('.'),
    message: wordsOf(issue),
  }))
  return { response: null, issues }
}

/** The parser's message up to the piece of the text it quotes: clipped, a secret in there would not be recognised. */
function withoutQuote(message: string): string {
  const cause = message.split(/(?:, )?(?:\.{3})?"/, 1)[0] ?? ''
  return cause === '' ? '' : `: ${cause}`
}
