/**
 * Processes of one host. They belong to the host, not to the runner that launched them: when a runner dies they live
 * on, until they end by themselves or somebody ends them.
 */
import type { Behaviour } from './agents.ts'
import type { Disk } from './disk.ts'
import type { Actor } from './scheduler.ts'
import type { World } from './world.ts'

export type Launch = {
  launcher: Actor
  marker: string
  label: string
  cwd: string
  behaviour: Behaviour
  responsePath: string | undefined
}
export type Told = { output: (text: string) => void; ended: (exitCode: number | null, signal: string | null) => void }

const DIES_WITHIN_MS = 20
export const GRACE_MS = 2_000

export class SimProcess {
  readonly pid: number
  readonly startedAt: string
  readonly launcher: Actor
  readonly launchedMs: number
  readonly marker: string
  readonly label: string
  readonly host: Host
  alive = true
  private told: Told
  private readonly behaviour: Behaviour
  private readonly whenGone: (() => void)[] = []

  constructor(host: Host, pid: number, { launcher, marker, label, cwd, behaviour, responsePath }: Launch, told: Told) {
    const { scheduler } = host.world
    this.host = host
    this.pid = pid
    this.startedAt = `${host.name}-${pid}-${scheduler.nowMs}`
    this.launcher = launcher
    this.launchedMs = scheduler.nowMs
    this.marker = marker
    this.label = label
    this.behaviour = behaviour
    this.told = told
    for (const { afterMs, text } of behaviour.outputs) {
      scheduler.after(null, afterMs, () => this.alive && this.told.output(text))
    }
    if (behaviour.endsAfterMs === null) return
    scheduler.after(null, behaviour.endsAfterMs, () => {
      if (!this.alive) return
      if (behaviour.changes !== null) host.disk.workspaces.get(cwd)?.add(behaviour.changes)
      if (behaviour.response !== null && responsePath !== undefined)
        host.disk.files.set(responsePath, behaviour.response)
      this.end(behaviour.exitCode, null)
    })
  }

  /** TERM, and KILL after the grace; resolves when it is gone. */
  terminate(): Promise<void> {
    const { world } = this.host
    const gone = new Promise<void>((resolve) => {
      if (this.alive) this.whenGone.push(resolve)
      else resolve()
    })
    if (!this.behaviour.ignoresTerm)
      world.scheduler.after(null, world.random.int(1, DIES_WITHIN_MS), () => this.end(null, 'SIGTERM'))
    world.scheduler.after(null, GRACE_MS, () => this.end(null, 'SIGKILL'))
    return gone
  }

  private end(exitCode: number | null, signal: string | null): void {
    if (!this.alive) return
    this.alive = false
    this.host.world.note(`${this.host.name} process ${this.pid} (${this.label}) ended ${signal ?? exitCode ?? ''}`)
    this.told.ended(exitCode, signal)
    for (const tell of this.whenGone.splice(0)) tell()
  }
}

export class Host {
  readonly world: World
  readonly name: string
  readonly disk: Disk
  readonly processes: SimProcess[] = []
  /** Runners on this host that live: pid and start time. */
  readonly runners = new Set<string>()
  private pids = 100

  constructor(world: World, name: string, disk: Disk) {
    this.world = world
    this.name = name
    this.disk = disk
  }

  nextPid(): number {
    return ++this.pids
  }

  launch(launch: Launch, told: Told): SimProcess {
    const process = new SimProcess(this, this.nextPid(), launch, told)
    this.processes.push(process)
    return process
  }

  living(): SimProcess[] {
    return this.processes.filter((process) => process.alive)
  }
}
