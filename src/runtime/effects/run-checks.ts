import type { CheckResult } from '../../events/parts.ts'
import { ENDED_BY_STOP } from '../../events/terms.ts'
import type { Check } from '../../events/workflow-config.ts'
import { countedFiles, isInside, nameOfCheck, timeoutOfCheck, type FilesChanged } from '../checks.ts'
import { isSwarmError } from '../errors.ts'
import {
  contextIn,
  environmentIn,
  markerOf,
  reapLeftover,
  startedIn,
  workspaceIn,
  type Effect,
  type EffectInput,
} from './effect.ts'
import { sessionVariables } from './environment.ts'
import { joined } from './run-hook.ts'

const FILES_NAMED_MAX = 20
type Verdict = Omit<CheckResult, 'name' | 'kind' | 'duration_ms'>

/** Runs every check of a stage, also after one failed; each leaves its evidence. Checks must be repeatable. */
export const runChecks: Effect<'runChecks'> = async (input) => {
  const { intent, scope, ports } = input
  const { stage } = intent.params
  await reapLeftover(input)
  const checks: CheckResult[] = []
  for (const check of startedIn(scope).config.autonomy[stage]) {
    const began = ports.clock.monotonic()
    const verdict = await judge(input, check)
    if (scope.signal.aborted && scope.signal.reason !== 'stop') return null
    checks.push({
      ...verdict,
      name: nameOfCheck(check),
      kind: kindOf(check),
      duration_ms: ports.clock.monotonic() - began,
    })
  }
  return { type: 'CHECKS_FINISHED', stage, checks }
}

async function judge(input: EffectInput<'runChecks'>, check: Check): Promise<Verdict> {
  const { scope, ports } = input
  const workspace = workspaceIn(scope)
  try {
    await ports.workspaces.verify(workspace)
    if ('command' in check) return await runCommand(input, check.command, timeoutOfCheck(check))
    if ('file_exists' in check) return await fileExists(input, check.file_exists)
    if ('files_changed' in check)
      return filesChanged(await ports.workspaces.changedFiles(workspace), check.files_changed)
    const clean = await ports.workspaces.isClean(workspace)
    return evidence(clean, clean ? 'nothing is uncommitted' : 'there are uncommitted changes')
  } catch (error) {
    if (!isSwarmError(error)) throw error
    return evidence(false, error.message)
  }
}

async function runCommand(input: EffectInput<'runChecks'>, command: string, timeoutMs: number): Promise<Verdict> {
  const { intent, scope, ports } = input
  const { env, secrets } = environmentIn(input)
  const result = await ports.shell.run({
    command,
    cwd: workspaceIn(scope).path,
    env: { ...env, ...sessionVariables(contextIn(scope)) },
    marker: markerOf(intent),
    timeoutMs,
    secrets,
    signal: scope.signal,
  })
  return {
    ok: result.ended === 'exited' && result.exitCode === 0,
    exit_code: result.exitCode,
    timed_out: result.ended === 'timed_out',
    output:
      result.error ?? (result.ended === 'aborted' ? ENDED_BY_STOP : joined(result.stdout.tail, result.stderr.tail)),
  }
}

async function fileExists({ scope, ports }: EffectInput<'runChecks'>, path: string): Promise<Verdict> {
  if (!isInside(path)) return evidence(false, `${path} is not a path inside the workspace`)
  const found = await ports.scratch.lookUp(workspaceIn(scope).path, path)
  if (found === 'outside') return evidence(false, `${path} leads out of the workspace`)
  return evidence(found === 'inside', found === 'inside' ? `${path} exists` : `${path} does not exist`)
}

function filesChanged(changed: readonly string[], rule: FilesChanged): Verdict {
  const { ok, counted } = countedFiles(rule, changed)
  const { include, min = 0, max } = rule
  const wanted = max === undefined ? `at least ${min}` : `${min} to ${max}`
  const named = counted.slice(0, FILES_NAMED_MAX).join(', ')
  return evidence(
    ok,
    `${counted.length} changed files match ${include.join(', ')}, wanted ${wanted}${named === '' ? '' : `: ${named}`}`,
  )
}

function evidence(ok: boolean, output: string): Verdict {
  return { ok, exit_code: null, timed_out: false, output }
}

function kindOf(check: Check): CheckResult['kind'] {
  if ('command' in check) return 'command'
  if ('file_exists' in check) return 'file_exists'
  return 'files_changed' in check ? 'files_changed' : 'no_uncommitted_changes'
}
