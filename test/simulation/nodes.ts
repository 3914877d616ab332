/** Runners of the simulated world: started, crashed, frozen, cut off, drained, and started anew. */
import { startProjector, type Projecting } from '../../src/runtime/projector.ts'
import { Runner } from '../../src/runtime/runner.ts'
import { createSwarm } from '../../src/runtime/swarm.ts'
import type { RunnerPorts } from '../../src/runtime/ports.ts'
import { phaseOf, type SessionState } from '../../src/machines/decider.ts'
import { scratchOf, workspacesOf } from './disk.ts'
import { clientPorts, type Place } from './ports.ts'
import type { Host } from './processes.ts'
import { workflowsOf, type Scenario } from './scenario.ts'
import type { Actor } from './scheduler.ts'
import { shellOf, toolsOf } from './shell.ts'
import type { Witness } from './witness.ts'

export type Life = { actor: Actor; host: Host; runner: Runner; projecting: Projecting; leaving: boolean }

export class Node {
  life: Life | null = null
  /** Those of its lives that ended by kill -9. */
  readonly killed = new Set<string>()
  private readonly place: Place
  private readonly scenario: Scenario
  private readonly witness: Witness
  private readonly name: string
  private births = 0
  private readonly compared = new Map<string, SessionState>()

  constructor(name: string, place: Place, scenario: Scenario, witness: Witness) {
    this.name = name
    this.place = place
    this.scenario = scenario
    this.witness = witness
  }

  boot(host: Host): void {
    const { world } = this.place
    const runnerId = `${this.name}.${++this.births}`
    const actor = world.scheduler.actor(runnerId, host.name)
    const pid = host.nextPid()
    const processStartedAt = `${host.name}-${pid}`
    host.runners.add(processStartedAt)
    const ports = this.portsOf(actor, host, pid, processStartedAt)
    const swarm = createSwarm(ports, { source: `runner/${runnerId}` })
    const settings = {
      runnerId,
      sourceDir: '/source',
      workspaceRoot: '/w',
      capacity: this.scenario.capacity,
      leaseTtlMs: this.scenario.leaseTtlMs,
      drainMs: 3_000,
      recall: swarm.recall.bind(swarm),
    }
    world.note(`${runnerId} starts on ${host.name}`)
    const runner = new Runner(ports, settings, {
      onEnd: (sessionId, end) => {
        world.note(`${runnerId} lets go of ${sessionId}: ${end.kind}`)
        if (end.kind === 'corrupt') world.violate(`${runnerId} gave ${sessionId} up: ${end.error.message}`)
      },
    })
    const projecting = startProjector(ports, { runnerId, host: host.name, pid, processStartedAt }, settings.leaseTtlMs)
    this.compared.clear()
    this.life = { actor, host, runner, projecting, leaving: false }
    runner.start()
  }

  private portsOf(actor: Actor, host: Host, pid: number, processStartedAt: string): RunnerPorts {
    const { place, scenario, witness } = this
    const { world } = place
    const shell = shellOf(world, actor, host, {
      behaviourOf: ({ command, env }) => scenario.behaviour(command, Number(env['ACE_RUNTIME_TURN_NUMBER'] ?? 0)),
      launching: ({ marker }) => witness.launching(actor, host, marker),
    })
    return {
      ...clientPorts({ ...place, delivered: (position) => witness.delivered(actor.name, position) }, actor, host.disk),
      shell,
      workspaces: workspacesOf(world, actor, host.disk, (what, sessionId) =>
        witness.asked(actor.name, what, sessionId),
      ),
      scratch: scratchOf(world, actor, host.disk),
      workflows: workflowsOf(scenario.config),
      tools: toolsOf(world, actor, shell),
      host: {
        name: host.name,
        pid,
        processStartedAt,
        cores: 2,
        environment: {},
        alive: (_, startedAt) => host.runners.has(startedAt),
      },
    }
  }

  /** kill -9: nothing of it goes on but the processes it launched. */
  crash(): Host | null {
    const { life } = this
    if (life === null) return null
    this.place.world.note(`${life.actor.name} is killed`)
    life.actor.alive = false
    this.killed.add(life.actor.name)
    life.host.runners.delete(`${life.host.name}-${life.runner['holder'].pid}`)
    this.life = null
    return life.host
  }

  freeze(ms: number): void {
    if (this.life === null) return
    const { scheduler } = this.place.world
    this.place.world.note(`${this.life.actor.name} is frozen for ${ms} ms`)
    this.life.actor.frozenUntilMs = Math.max(this.life.actor.frozenUntilMs, scheduler.nowMs + ms)
  }

  cutOff(ms: number): void {
    if (this.life === null) return
    this.place.world.note(`${this.life.actor.name} is cut off for ${ms} ms`)
    this.place.world.cutOff(this.life.actor, ms)
  }

  /** SIGTERM, and another signal right away when it shall hurry. */
  async leave(hurry: boolean): Promise<void> {
    const { life } = this
    const { world } = this.place
    if (life === null || life.leaving) return
    life.leaving = true
    world.note(`${life.actor.name} ${hurry ? 'is told to end at once' : 'drains'}`)
    await (hurry ? life.runner.kill() : life.runner.drain())
    await life.projecting.stop()
    if (!life.actor.alive) return
    world.note(`${life.actor.name} has left`)
    // Ended at once, it does not wait until the lease of a closed session is given back.
    const serving = life.runner['served'].all.filter(({ state }) => !(hurry && phaseOf(state) === 'closed'))
    if (serving.length > 0) world.violate(`${life.actor.name} left while serving`)
    life.actor.alive = false
    life.host.runners.delete(`${life.host.name}-${life.runner['holder'].pid}`)
    if (this.life === life) this.life = null
  }

  /** What this runner believes is what the log says, session by session. */
  check(): void {
    if (this.life === null) return
    for (const { sessionId, state } of this.life.runner['served'].all) {
      if (this.compared.get(sessionId) === state) continue
      this.compared.set(sessionId, state)
      this.witness.compare(this.life.actor.name, sessionId, state)
    }
  }
}
