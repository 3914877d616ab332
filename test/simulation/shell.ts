/** The shell of one runner on its host: launches processes and watches over them, as long as the runner lives. */
import type { CapturedOutput, Shell, ShellResult, ShellRun, Tools } from '../../src/runtime/ports.ts'
import type { Behaviour } from './agents.ts'
import type { Host, SimProcess } from './processes.ts'
import type { Actor } from './scheduler.ts'
import { EPOCH_MS } from './scheduler.ts'
import type { World } from './world.ts'

export type ShellOptions = {
  behaviourOf: (run: ShellRun) => Behaviour
  /** Told of each launch, before it happens. */
  launching: (run: ShellRun) => void
}

const NOTHING: CapturedOutput = { tail: '', bytes: 0, clipped: false, file: null }

export function shellOf(world: World, actor: Actor, host: Host, options: ShellOptions): Shell {
  return {
    run: async (run) => {
      await run.mayBegin?.()
      if (run.signal.aborted) return withoutProcess('aborted', world)
      const label = labelOf(run)
      const watched = await world.local(actor, `launch ${label}`, () => {
        if (run.signal.aborted) return null
        options.launching(run)
        return new Watched(world, actor, run, host, label, options.behaviourOf(run))
      })
      return watched === null ? withoutProcess('aborted', world) : watched.follow()
    },
    reap: async ({ process, marker }) => {
      const left = host
        .living()
        .filter(
          (each) =>
            each.marker === marker || (each.pid === process?.pid && each.startedAt === process.processStartedAt),
        )
      await world.local(actor, `reap ${left.map(({ pid }) => pid).join(' ') || 'nothing'}`, () => undefined)
      await new Promise<void>((resolve) => {
        void Promise.all(left.map((each) => each.terminate())).then(() => world.scheduler.after(actor, 1, resolve))
      })
      return { killed: left.map(({ pid }) => pid) }
    },
  }
}

/** What a run is called in the trace. */
function labelOf({ command, env, marker }: ShellRun): string {
  const turn = env['ACE_RUNTIME_TURN_NUMBER']
  return `${env['ACE_RUNTIME_SESSION_ID'] ?? ''} ${turn === undefined ? command : `turn ${turn}`} for ${marker}`
}

class Watched {
  private readonly world: World
  private readonly actor: Actor
  private readonly run: ShellRun
  private readonly process: SimProcess
  private readonly over: Promise<ShellResult>
  private ended: ShellResult['ended'] | null = null
  private readonly startedMs: number
  private lastMs: number
  private text = ''
  /** What the process did and the runner has not noticed yet: noticed in order. */
  private readonly unnoticed: (() => void)[] = []

  constructor(world: World, actor: Actor, run: ShellRun, host: Host, label: string, behaviour: Behaviour) {
    this.world = world
    this.actor = actor
    this.run = run
    this.startedMs = world.scheduler.nowMs
    this.lastMs = this.startedMs
    let finish: (result: ShellResult) => void = () => undefined
    this.over = new Promise((resolve) => {
      finish = resolve
    })
    const { marker, cwd, env } = run
    const launch = { launcher: actor, marker, label, cwd, behaviour, responsePath: env['ACE_RUNTIME_RESPONSE_FILE'] }
    this.process = host.launch(launch, {
      output: (text) => this.notice(() => this.heard(text)),
      ended: (exitCode, signal) => this.notice(() => finish(this.result(exitCode, signal))),
    })
    world.note(`${actor.name} launched process ${this.process.pid} (${label})`)
  }

  /** From here on the runner knows of the process. */
  follow(): Promise<ShellResult> {
    const { run, process, world } = this
    run.onSpawn?.({ pid: process.pid, pgid: process.pid, processStartedAt: process.startedAt })
    world.scheduler.after(this.actor, run.timeoutMs, () => this.end('timed_out'))
    this.watchSilence()
    run.signal.addEventListener('abort', () => this.end('aborted'))
    if (run.signal.aborted) this.end('aborted')
    return this.over
  }

  private notice(what: () => void): void {
    this.unnoticed.push(what)
    this.world.scheduler.after(this.actor, this.world.random.int(0, 3), () => this.unnoticed.shift()?.())
  }

  private heard(text: string): void {
    this.lastMs = this.world.scheduler.nowMs
    this.text += text
    this.run.onOutput?.('stdout', text, EPOCH_MS + this.lastMs, this.text.length)
  }

  private watchSilence(): void {
    const { stallWindowMs = 0 } = this.run
    if (stallWindowMs <= 0 || !this.process.alive) return
    const { scheduler } = this.world
    scheduler.after(this.actor, this.lastMs + stallWindowMs + 1 - scheduler.nowMs, () => {
      if (scheduler.nowMs - this.lastMs > stallWindowMs) this.end('stalled')
      else this.watchSilence()
    })
  }

  private end(why: ShellResult['ended']): void {
    if (this.ended !== null || !this.process.alive) return
    this.ended = why
    void this.process.terminate()
  }

  private result(exitCode: number | null, signal: string | null): ShellResult {
    const stdout = { tail: this.text.slice(-4_096), bytes: this.text.length, clipped: false, file: null }
    const durationMs = this.world.scheduler.nowMs - this.startedMs
    const lastActivityMs = EPOCH_MS + this.lastMs
    return {
      ended: this.ended ?? 'exited',
      exitCode,
      signal,
      durationMs,
      lastActivityMs,
      stdout,
      stderr: NOTHING,
      error: null,
    }
  }
}

function withoutProcess(ended: ShellResult['ended'], world: World): ShellResult {
  const lastActivityMs = EPOCH_MS + world.scheduler.nowMs
  return {
    ended,
    exitCode: null,
    signal: null,
    durationMs: 0,
    lastActivityMs,
    stdout: NOTHING,
    stderr: NOTHING,
    error: null,
  }
}

/** Two tools: one that answers at once, one that runs a process. */
export function toolsOf(world: World, actor: Actor, shell: Shell): Tools {
  const describe = (name: string, cost_class: 'light' | 'heavy') => ({
    name,
    description: name,
    cost_class,
    needs: null,
    input_schema: {},
  })
  return {
    descriptions: [describe('probe', 'light'), describe('command', 'heavy')],
    async run({ name, input, workspace, marker, signal, env }) {
      if (name === 'probe') return world.local(actor, `probe for ${marker}`, () => ({ ok: true, output: input }), 300)
      if (name !== 'command') return { ok: false, error: { code: 'unknown_tool', message: name } }
      const run = { command: 'tool', cwd: workspace.path, env, marker, timeoutMs: 5_000, secrets: {}, signal }
      const { exitCode } = await shell.run(run)
      return { ok: true, output: exitCode }
    },
  }
}
