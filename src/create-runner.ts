/** Composition root of a runner: serves sessions in this process. */
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { localShell, type LocalShell } from './adapters/shell/shell.ts'
import { systemHost } from './adapters/shell/host.ts'
import { fileScratch } from './adapters/system/scratch.ts'
import { builtInTools } from './adapters/tools/built-in-tools.ts'
import { fileWorkflows, type FileWorkflowsOptions } from './adapters/workflow/file-workflows.ts'
import { gitWorkspaces } from './adapters/workspace/git-workspaces.ts'
import { scratchDirectory, type ConnectedSwarm } from './connect.ts'
import { isSessionId } from './events/ids.ts'
import type { StartInput } from './events/start-input.ts'
import { DURATION_MS_MAX } from './events/workflow-config.ts'
import * as kinds from './runtime/arguments.ts'
import { check, checkOptions } from './runtime/arguments.ts'
import { recalled } from './runtime/effects/recall.ts'
import { messageOf, SwarmError } from './runtime/errors.ts'
import { holderOn, takeLease } from './runtime/lease-keeper.ts'
import type { ArtifactStore, LeaseHolder, Workflow } from './runtime/ports.ts'
import { startProjector } from './runtime/projector.ts'
import { Runner, type RunnerHooks } from './runtime/runner.ts'
import type { StartRequest, StartResult } from './runtime/requests.ts'
import { DRAIN_MS_DEFAULT, LEASE_TTL_MS_DEFAULT, LEASE_TTL_MS_MIN } from './runtime/runner-settings.ts'
import { folding } from './runtime/views.ts'

/** How a runner serves; only the swarm has no default. */
export type CreateRunner = {
  swarm: ConnectedSwarm
  /** Sessions at a time; default: number of cores. */
  capacity?: number | undefined
  /** Workflow file; default: looked up in the source directory. */
  workflow?: string | undefined
  /** Instead of a workflow file. */
  command?: FileWorkflowsOptions['command']
  /** Source of sessions that name none; default: the working directory. */
  sourceDir?: string | undefined
  /** At least 1000; default 10000. */
  leaseTtlMs?: number | undefined
  /** How long `close` lets turns finish; default 30000. */
  drainMs?: number | undefined
  /** Serve only these sessions. */
  only?: readonly string[] | undefined
  /** The `source` of its events is `runner/<runnerId>`, a URI reference; default: the host's name and a UUID. */
  runnerId?: string | undefined
  hooks?: RunnerHooks | undefined
}

const DRAIN = { drainMs: kinds.integer(0, DURATION_MS_MAX) }
const OPTIONS = {
  ...DRAIN,
  capacity: kinds.integer(1),
  workflow: kinds.text,
  command: kinds.object,
  sourceDir: kinds.text,
  leaseTtlMs: kinds.integer(LEASE_TTL_MS_MIN, DURATION_MS_MAX),
  only: kinds.listOf(kinds.sessionId),
  runnerId: kinds.uriReference,
  hooks: kinds.object,
}

/** A runner at work in this process. */
export type RunningRunner = {
  readonly runnerId: string
  /** As read when the runner was made; each session reads it anew. */
  readonly workflow: Workflow
  readonly active: number
  /**
   * Starts a session and serves it in this process, whatever other runners there are. Refused as `swarm.start` is.
   * With `only: []` the runner serves nothing else.
   */
  run(request: StartRequest): Promise<StartResult>
  /** Drains: takes nothing new, lets turns finish for a while, hands back the rest. */
  close(options?: { drainMs?: number }): Promise<void>
  /** Ends all processes at once, without writing. */
  kill(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** No session's: its id would have no dot. */
const RIGHTS_LEASE = 'runner.rights'

/**
 * Serves sessions until closed. Throws `invalid_argument`, the `workflow_*` errors, `not_unattended`, `not_authorized`,
 * and `runner_error` when it can start no processes, before it takes any session.
 */
export async function createRunner(options: CreateRunner): Promise<RunningRunner> {
  checkOptions(options, OPTIONS)
  check('swarm', options.swarm, kinds.connected)
  if (options.command !== undefined) check('command.command', options.command.command, kinds.text)
  const shell = localShell()
  try {
    return await serve(shell, options)
  } catch (error) {
    shell.close()
    throw error
  }
}

async function serve(shell: LocalShell, options: CreateRunner): Promise<RunningRunner> {
  // It takes as long to load as all the rest.
  const opened = shell.open()
  const { swarm } = options
  const sourceDir = resolve(options.sourceDir ?? '.')
  const host = systemHost()
  const leaseTtlMs = options.leaseTtlMs ?? LEASE_TTL_MS_DEFAULT
  const runnerId = options.runnerId ?? `${host.name}-${swarm.ports.ids.next()}`
  const workflows = fileWorkflows({ workflowPath: options.workflow, command: options.command, sourceDir })
  const workflow = await workflows.load()
  await mkdir(swarm.dir, { recursive: true, mode: 0o700 })
  // A runner serves for long: another release may take the place of these files before they are first needed.
  await Promise.all([swarm.ports.log.load?.(), folding()])
  const ports = {
    ...swarm.ports,
    shell,
    workspaces: gitWorkspaces(),
    scratch: fileScratch(scratchDirectory(swarm.dir)),
    workflows,
    tools: builtInTools({ shell }),
    host,
  }
  const settings = {
    runnerId,
    sourceDir,
    workspaceRoot: join(swarm.dir, 'workspaces'),
    capacity: options.capacity ?? host.cores,
    leaseTtlMs,
    drainMs: options.drainMs ?? DRAIN_MS_DEFAULT,
    recall: (request: StartInput) => recalled(swarm.ports, request),
    only: options.only === undefined ? undefined : new Set(options.only),
  }
  const holder = holderOn(host, runnerId)
  await refuseWithoutRights(ports, holder, leaseTtlMs)
  refuseWithoutLauncher(await opened)
  const runner = new Runner(ports, settings, options.hooks)
  const projecting = startProjector(ports, holder, leaseTtlMs)
  runner.start()
  const close = async (given: { drainMs?: number } = {}) => {
    // As a listener for signals it is given their names.
    const { drainMs } = kinds.object.fits(given) ? given : {}
    checkOptions({ drainMs }, DRAIN)
    await runner.drain(drainMs).finally(() => shell.close())
    await projecting.stop()
  }
  return {
    runnerId,
    workflow,
    get active() {
      return runner.active
    },
    close,
    run: (request) => {
      if (!kinds.object.fits(request)) return swarm.start(request)
      const sessionId = request.session_id ?? swarm.ports.ids.next()
      const start = () => swarm.start({ ...request, session_id: sessionId })
      return isSessionId(sessionId) ? runner.run(sessionId, request.labels?.['lane'] ?? '', start) : start()
    },
    kill: async () => {
      await runner.kill().finally(() => shell.close())
      await projecting.stop()
    },
    [Symbol.asyncDispose]: () => close(),
  }
}

/**
 * Who may not hold leases or store artifacts can serve nothing, and learns it now instead of from each session. From then
 * on the stores are there, and what is sent to them does not wait for that.
 */
async function refuseWithoutRights(
  ports: Parameters<typeof takeLease>[0] & { artifacts: ArtifactStore },
  holder: LeaseHolder,
  leaseTtlMs: number,
): Promise<void> {
  const lease = await takeLease(ports, RIGHTS_LEASE, holder, leaseTtlMs)
  await lease?.release()
  await ports.artifacts.put('')
}

/** Whoever can start nothing would only spoil what it takes. */
function refuseWithoutLauncher(problem: Error | null): void {
  if (problem === null) return
  const message = `the runner can start no processes: ${messageOf(problem)}; TMPDIR must be a directory it may write to`
  throw new SwarmError('runner_error', message, { cause: problem })
}
