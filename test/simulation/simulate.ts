/** One seed from beginning to end: chaos, healing, and the laws that must hold at the end. */
import type { Projection } from '../../src/projections/projection.ts'
import { indexes, projections } from '../../src/projections/catalog.ts'
import { contextOf } from '../../src/machines/decider.ts'
import { messageOf } from '../../src/runtime/errors.ts'
import { storeNameOf } from '../../src/projections/names.ts'
import { Client } from './clients.ts'
import { Disk } from './disk.ts'
import { checkSession, checkView } from './end-checks.ts'
import type { Mutant } from './mutants.ts'
import { Node } from './nodes.ts'
import { Host } from './processes.ts'
import { randomOf } from './random.ts'
import { drawScenario, type Scenario } from './scenario.ts'
import { Scheduler } from './scheduler.ts'
import { Server, sha256 } from './server.ts'
import { Witness } from './witness.ts'
import { World, type CrashPoint } from './world.ts'

export type Simulation = {
  seed: number
  violations: readonly string[]
  trace: readonly string[]
  hash: string
  steps: number
  /** How often each type of event got into the log. */
  events: ReadonlyMap<string, number>
  virtualMs: number
  outcomes: readonly (string | null)[]
}
export type Options = {
  mutant?: Mutant | null
  scenario?: Scenario
  /** Asked at each point where a runner could die. */
  crashHere?: (point: CrashPoint) => boolean
}

/** After healing every session must be closed within this. */
const HEALED_MS_MAX = 900_000
const STEPS_MAX = 400_000
const RESTART_MS = 1_000
const all = [...Object.values(projections), ...Object.values(indexes)] as Projection<unknown>[]

export async function simulate(seed: number, options: Options = {}): Promise<Simulation> {
  const random = randomOf(seed)
  const scenario = options.scenario ?? drawScenario(random)
  const run = new Run(new World(new Scheduler(random), scenario.faults), scenario, options)
  const strays = captureStrayErrors((error) => run.world.violate(`nobody handles: ${describe(error)}`))
  try {
    await run.whole()
  } finally {
    strays.release()
  }
  const { world, witness } = run
  return {
    seed,
    violations: world.violations,
    trace: world.trace,
    hash: sha256(world.trace.join('\n')),
    steps: world.scheduler.steps,
    events: counted(witness.events),
    virtualMs: world.scheduler.nowMs,
    outcomes: [...witness.trails.values()].map(({ state }) => contextOf(state).outcome),
  }
}

class Run {
  readonly world: World
  readonly witness: Witness
  private readonly scenario: Scenario
  private readonly server: Server
  private readonly hosts = new Map<string, Host>()
  private readonly nodes: Node[] = []
  private readonly clients: Client[] = []
  private readonly sessions: string[]
  private clientsDone = 0
  /** Nobody starts runners any more. */
  private ending = false

  constructor(world: World, scenario: Scenario, { mutant = null, crashHere }: Options) {
    this.world = world
    this.scenario = scenario
    this.witness = new Witness(
      world,
      (runnerId) => this.nodes.find(({ life }) => life?.actor.name === runnerId)?.life?.host,
    )
    this.server = new Server(world, (item) => this.witness.stored(item, this.server.kept))
    const place = { world, server: this.server, mutant }
    const shared = new Disk()
    for (const name of new Set(scenario.hosts)) {
      this.hosts.set(name, new Host(world, name, scenario.sharedDisk ? shared : new Disk()))
    }
    this.sessions = Array.from({ length: scenario.sessions }, (_, n) => `S${n + 1}`)
    scenario.hosts.forEach((_, n) => this.nodes.push(new Node(`r${n + 1}`, place, scenario, this.witness)))
    for (let n = 1; n <= scenario.clients; n++) this.clients.push(new Client(`c${n}`, place, shared, this.witness))
    world.crashHere = (point) => {
      const node = this.nodes.find(({ life }) => life?.actor === point.actor)
      if (node === undefined || crashHere?.(point) !== true) return false
      world.note(`${point.actor.name} dies ${point.when}: ${point.what}`)
      const host = node.crash()
      if (host !== null) world.scheduler.after(null, RESTART_MS, () => node.boot(host))
      return true
    }
  }

  async whole(): Promise<void> {
    const { world, scenario } = this
    this.nodes.forEach((node, n) => {
      const host = this.hosts.get(scenario.hosts[n] ?? '')
      if (host !== undefined) world.scheduler.after(null, world.random.int(0, 500), () => node.boot(host))
      for (let accident = 0; accident < scenario.accidents; accident++) this.planAccident(node)
    })
    this.clients.forEach((client, n) => void this.serve(client, n))
    void this.clients[0]?.follow()
    world.scheduler.after(null, scenario.chaosMs, () => this.heal())
    const stop = () => world.violations.length > 0
    const closed = () =>
      this.clientsDone === this.clients.length && this.sessions.every((id) => this.witness.isClosed(id))
    const healthy = await this.runUntil(() => stop() || (closed() && !world.faults.active), 'every session is closed')
    if (!healthy || stop()) return
    const caughtUp = await this.runUntil(
      () => stop() || (this.joined() && this.projected()),
      'views and waiting callers have caught up',
    )
    if (!caughtUp || stop()) return
    this.ending = true
    for (const node of this.nodes) void node.leave(false)
    if (!(await this.runUntil(() => stop() || this.nodes.every(({ life }) => life === null), 'every runner has left')))
      return
    await this.checkEnd()
  }

  private async runUntil(done: () => boolean, what: string): Promise<boolean> {
    const { scheduler } = this.world
    const untilMs = scheduler.nowMs + this.scenario.chaosMs + HEALED_MS_MAX
    const condition = () => {
      for (const node of this.nodes) node.check()
      return done()
    }
    const reached = await scheduler.runUntil(condition, untilMs, STEPS_MAX)
    if (!reached)
      this.world.violate(`never: ${what} (${this.sessions.map((id) => `${id} ${this.whereIs(id)}`).join(', ')})`)
    return reached
  }

  private whereIs(sessionId: string): string {
    const state = this.witness.stateOf(sessionId)
    return `${state.at} waits for ${state.pending.map(({ type }) => type).join(' ')}`
  }

  private async serve(client: Client, n: number): Promise<void> {
    // Both clients may want the same session; then one of them is refused.
    const mine = this.sessions.filter((_, index) => index % this.clients.length === n || this.world.random.chance(0.2))
    try {
      await client.run(mine, this.scenario)
    } catch (error) {
      this.world.violate(`${client.actor.name} fails: ${describe(error)}`)
    }
    this.clientsDone++
  }

  private planAccident(node: Node): void {
    const { world, scenario } = this
    const { random } = world
    const what = random.pick(['crash', 'crash', 'crash', 'freeze', 'freeze', 'cut off', 'drain', 'hurry'])
    world.scheduler.after(null, random.int(0, scenario.chaosMs), () => {
      const ms = random.int(100, scenario.leaseTtlMs * 3)
      if (what === 'freeze') node.freeze(ms)
      else if (what === 'cut off') node.cutOff(ms)
      else if (what === 'crash') this.reboot(node, node.crash() !== null)
      else void node.leave(what === 'hurry').then(() => this.reboot(node, node.life === null))
    })
  }

  private reboot(node: Node, wasUp: boolean): void {
    const { random, scheduler } = this.world
    if (!wasUp) return
    const host = random.pick([...this.hosts.values()])
    scheduler.after(null, random.int(100, 6_000), () => {
      if (node.life === null && !this.ending) node.boot(host)
    })
  }

  private heal(): void {
    this.world.heal()
    for (const node of this.nodes) if (node.life !== null) node.life.actor.frozenUntilMs = 0
  }

  private joined(): boolean {
    const [follower] = this.clients
    return this.clients.every((client) => client.waiting.size === 0) && follower?.hasSeen(this.server.head) === true
  }

  /** Somebody has projected all that is in the log. (A late writer may put a checkpoint back; that costs time, not truth.) */
  private projected(): boolean {
    return all.every((projection) => (this.server.projected.get(storeNameOf(projection)) ?? 0) >= this.server.head)
  }

  private async checkEnd(): Promise<void> {
    const { world, witness, scenario, server } = this
    for (const client of this.clients) client.checkAnswers()
    this.clients[0]?.checkFollowed()
    const killed = new Set(this.nodes.flatMap((node) => [...node.killed]))
    for (const host of this.hosts.values()) witness.leftBehind(host, killed)
    for (const sessionId of this.sessions) checkSession(world, witness.trailOf(sessionId), scenario.config)
    for (const projection of all) await checkView(world, projection, server, witness.events)
  }
}

function counted(events: readonly { type: string }[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { type } of events) counts.set(type, (counts.get(type) ?? 0) + 1)
  return counts
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? messageOf(error)) : String(error)
}

/** Rejections that nobody handles belong to the seed that caused them. */
function captureStrayErrors(onError: (error: unknown) => void): { release: () => void } {
  const event = 'unhandledRejection'
  const others = process.listeners(event)
  process.removeAllListeners(event)
  process.on(event, onError)
  return {
    release: () => {
      process.removeAllListeners(event)
      for (const listener of others) process.on(event, listener)
    },
  }
}
