import { messageOf } from '../../runtime/errors.ts'
import type { CapturedOutput, Shell, ShellResult, ShellRun, SpawnedProcess } from '../../runtime/ports.ts'
import { launcher, type Launch, type Launcher } from './launch.ts'
import type { Traces } from './marked-processes.ts'
import { OutputCapture, type StreamName } from './output-capture.ts'
import { endLeftovers, killGroup } from './process-group.ts'
import { identify, type ProcessIdentity } from './process-identity.ts'
import type { Exit, Started } from './running-launcher.ts'
import { watch } from './watchdog.ts'

/**
 * Once all processes are gone, their output is only what is left in the pipes. Whoever still holds a pipe has cleared
 * its environment and left the group, so it can't be found; it is not waited for longer than this.
 */
const PIPES_DRAIN_MS = 500

const UNKNOWN: Exit = { exitCode: null, signal: null }

type Reason = Exclude<ShellResult['ended'], 'not_spawned'>

export type LocalShell = Shell & {
  /** Starts the process that starts others for it, which else is started with the first run; null, or why it can't be. */
  open(): Promise<Error | null>
  /** Ends that process; to be called when nothing runs any more. */
  close(): void
}

/**
 * The shell of this host: `/bin/sh`, each run in a process group of its own. The environment gets one variable more,
 * `SWARMTRAIL_MARKER`. Trouble with keeping output does not disturb a run: it is told in `error`.
 */
export function localShell(): LocalShell {
  const starts = launcher()
  return { run: (options) => run(starts, options), reap, open: starts.open, close: starts.close }
}

async function reap(leftover: { process: SpawnedProcess | null; marker: string }): Promise<{ killed: number[] }> {
  const now = leftover.process === null ? null : identify(leftover.process.pid)
  const leader = now?.startedAt === leftover.process?.processStartedAt ? now : null
  const { signalled } = await endLeftovers({ marker: leftover.marker, leader, launchedMs: null, hasExited: false })
  return { killed: signalled }
}

async function run(starts: Launcher, options: ShellRun): Promise<ShellResult> {
  const launch = await starts.launch(options)
  if (options.signal.aborted && 'error' in launch) return withoutProcess('aborted', null)
  if ('error' in launch) return withoutProcess('not_spawned', launch.error)
  const { marker, timeoutMs, stallWindowMs, secrets, spool, signal, onSpawn, onOutput } = options
  const watched = { marker, timeoutMs, stallWindowMs, secrets, spool, signal, onSpawn, onOutput }
  return follow(watched, launch)
}

/** What a running process is followed by. Its environment is no part of it: that would be held as long as it runs. */
type Watched = Omit<ShellRun, 'command' | 'cwd' | 'env'>

async function follow(options: Watched, launch: Launch): Promise<ShellResult> {
  const launchedMs = performance.now()
  const activity = activityClock()
  const stdout = captureOf('stdout', options, activity.touch)
  const stderr = captureOf('stderr', options, activity.touch)
  let exit: Exit | null = null
  const exited = launch.exited.then((told) => void (exit = told))
  // Nobody hears of its output before they hear of the process.
  const announced = launch.started.then((started) => announce(options, started))
  const streams = [stdout.readAll(launch.stdout, announced), stderr.readAll(launch.stderr, announced)]
  const over = Promise.all([exited, ...streams])
  const release = () => {
    launch.stdout.destroy()
    launch.stderr.destroy()
  }

  const started = await announced
  if ('error' in started) {
    await within(PIPES_DRAIN_MS, Promise.all(streams))
    release()
    // One whose launcher ended before it told of it would be found by its marker.
    await reap({ process: null, marker: options.marker })
    return options.signal.aborted ? withoutProcess('aborted', null) : withoutProcess('not_spawned', started.error)
  }
  const { pid, identity: leader, problems } = started

  const ended = await firstEnd(options, exited, activity.lastMs)
  const isLost = ended === 'exited' && exit === null
  if (isLost) problems.push('how the process ended is not known: what had started it is gone')
  const traces = { marker: options.marker, leader, launchedMs, hasExited: ended === 'exited' && !isLost }
  problems.push(...(await endAll(traces, pid)))
  await within(PIPES_DRAIN_MS, over)
  release()

  const durationMs = Math.round(performance.now() - launchedMs)
  const outputs = { stdout: await stdout.finish(), stderr: await stderr.finish() }
  problems.push(...stdout.problems, ...stderr.problems)
  const error = problems.length === 0 ? null : problems.join('; ')
  return { ended, ...(exit ?? UNKNOWN), durationMs, lastActivityMs: activity.lastEpochMs(), ...outputs, error }
}

function captureOf(stream: StreamName, options: Watched, onActivity: () => void): OutputCapture {
  const { secrets, spool, onOutput } = options
  return new OutputCapture({ stream, secrets, spool, onOutput, onActivity })
}

type Announced = { pid: number; identity: ProcessIdentity | null; problems: string[] }

function announce({ onSpawn }: Watched, started: Started | { error: string }): Announced | { error: string } {
  if ('error' in started) return started
  const { pid, identity, problem } = started
  const problems = problem === null ? [] : [`the process could not be identified: ${problem}`]
  try {
    onSpawn?.({ pid, pgid: pid, processStartedAt: identity?.startedAt ?? '' })
  } catch (error) {
    problems.push(`the launch could not be announced: ${messageOf(error)}`)
  }
  return { pid, identity, problems }
}

/** Resolves with what happens first: the process exits, a limit is passed, or the caller has had enough. */
function firstEnd(
  { signal, timeoutMs, stallWindowMs = 0 }: Watched,
  exited: Promise<void>,
  lastMs: () => number,
): Promise<Reason> {
  return new Promise((resolve) => {
    const settle = (reason: Reason) => {
      watching.stop()
      signal.removeEventListener('abort', onAbort)
      resolve(reason)
    }
    const onAbort = () => settle('aborted')
    const watching = watch({ timeoutMs, stallWindowMs }, lastMs, settle)
    signal.addEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
    void exited.then(() => settle('exited'))
  })
}

/** Ends the group and what left it; returns what could not be ended. */
async function endAll(traces: Traces, groupId: number): Promise<string[]> {
  // Once it has ended its number may be another's.
  if (traces.leader === null && !traces.hasExited) killGroup(groupId)
  try {
    const { left } = await endLeftovers(traces)
    return left.length === 0 ? [] : [`could not be ended: ${left.join(', ')}`]
  } catch (error) {
    // E.g. out of file descriptors, so that nothing can be looked up. The group can be ended without looking.
    killGroup(groupId)
    return [`processes could not be looked up: ${messageOf(error)}`]
  }
}

function activityClock() {
  let lastMs = performance.now()
  let lastEpochMs = Date.now()
  return {
    lastMs: () => lastMs,
    lastEpochMs: () => lastEpochMs,
    touch: () => {
      lastMs = performance.now()
      lastEpochMs = Date.now()
    },
  }
}

function within(ms: number, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    void work.finally(() => clearTimeout(timer)).then(() => resolve())
  })
}

function withoutProcess(ended: 'aborted' | 'not_spawned', error: string | null): ShellResult {
  const nothing: CapturedOutput = { tail: '', bytes: 0, clipped: false, file: null }
  const exit = { exitCode: null, signal: null, durationMs: 0, lastActivityMs: Date.now() }
  return { ended, ...exit, stdout: nothing, stderr: nothing, error }
}
