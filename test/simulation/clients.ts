/** Coordinators: start, steer and join sessions at random times, and hold the answers against what got into the log. */
import type { Position, SessionId } from '../../src/events/ids.ts'
import { contextOf } from '../../src/machines/decider.ts'
import { isSwarmError, messageOf } from '../../src/runtime/errors.ts'
import type { ClientPorts } from '../../src/runtime/ports.ts'
import type { CommandResult } from '../../src/runtime/requests.ts'
import { createSwarm, type Swarm } from '../../src/runtime/swarm.ts'
import type { Disk } from './disk.ts'
import { clientPorts, type Place } from './ports.ts'
import type { Scenario } from './scenario.ts'
import type { Actor } from './scheduler.ts'
import type { Witness } from './witness.ts'
import type { World } from './world.ts'

const RETRY_MS = 400

/** A command as it was answered; whether the answer was true is known only once nothing is on its way any more. */
type Answered = {
  what: string
  offered: readonly string[]
  answer: 'ok' | 'refused' | 'unreachable' | 'unknown'
  position?: Position
}

export class Client {
  readonly actor: Actor
  /** What it still waits for. */
  readonly waiting = new Set<string>()
  private readonly world: World
  private readonly witness: Witness
  private readonly ports: ClientPorts
  private readonly swarm: Swarm
  private readonly answered: Answered[] = []
  private readonly followed: number[] = []
  /** Ids of the events that the command in hand has tried to append. */
  private offered: string[] = []

  constructor(name: string, place: Place, disk: Disk, witness: Witness) {
    const { world } = place
    this.world = world
    this.witness = witness
    this.actor = world.scheduler.actor(name, name)
    const ports = clientPorts(place, this.actor, disk)
    const { log } = ports
    const append: typeof log.append = (event, expected) => {
      this.offered.push(event.id)
      return log.append(event, expected)
    }
    this.ports = { ...ports, log: { ...log, append } }
    this.swarm = createSwarm(this.ports, { source: `client/${name}` })
  }

  /** Everything this client does; rejects only on what should not happen. */
  async run(sessions: readonly SessionId[], { chaosMs, meddling, stopAfterMs }: Scenario): Promise<void> {
    const { random } = this.world
    for (const sessionId of sessions) {
      await this.ports.clock.sleep(random.int(0, chaosMs / 4))
      await this.start(sessionId)
      this.join(sessionId)
      if (stopAfterMs === null) continue
      await this.ports.clock.sleep(stopAfterMs)
      await this.command(`stop ${sessionId}`, () => this.swarm.stop(sessionId))
    }
    const endMs = this.world.scheduler.nowMs + chaosMs
    if (!meddling) return
    while (this.ports.clock.monotonic() < endMs) {
      await this.ports.clock.sleep(random.int(50, chaosMs / 3))
      const known = [...this.witness.trails.keys(), ...sessions]
      if (known.length > 0) await this.meddle(random.pick(known))
    }
  }

  /** Keeps asking until it is certain that the session is in the log. */
  private async start(sessionId: SessionId): Promise<void> {
    const objective_id = this.world.random.chance(0.5) ? 'O1' : undefined
    for (;;) {
      const answer = await this.command(`start ${sessionId}`, () =>
        this.swarm.start({ task: `work of ${sessionId}`, session_id: sessionId, objective_id }),
      )
      if (answer === 'ok' || answer === 'refused') return
      await this.ports.clock.sleep(RETRY_MS)
    }
  }

  private async meddle(sessionId: SessionId): Promise<void> {
    const { random } = this.world
    const { heldPosts } = contextOf(this.witness.stateOf(sessionId))
    const [post] = heldPosts
    const what = random.pick(['stop', 'resume', 'resume', 'judge', 'judge', 'read', 'list', 'replay'])
    if (what === 'stop') await this.command(`stop ${sessionId}`, () => this.swarm.stop(sessionId))
    if (what === 'resume')
      await this.command(`resume ${sessionId}`, () => this.swarm.resume(sessionId, { guidance: 'go on' }))
    if (what === 'judge' && post !== undefined) {
      const judge = random.chance(0.5) ? this.swarm.approve : this.swarm.deny
      await this.command(`judge ${post}`, () => judge(post))
    }
    if (what === 'read') await this.query(`get ${sessionId}`, () => this.read(sessionId))
    if (what === 'list') await this.query('list', () => this.swarm.list())
    if (what === 'replay') await this.query(`replay ${sessionId}`, () => this.swarm.replay(sessionId))
  }

  /** A read shows at least what was in the log when it was asked. */
  private async read(sessionId: SessionId): Promise<void> {
    const { version } = this.witness.stateOf(sessionId)
    const found = await this.swarm.view('registry', sessionId)
    if ((found?.position ?? 0) < version)
      this.world.violate(`registry of ${sessionId} at ${found?.position}, asked at ${version}`)
  }

  /** Waits for the outcome, however often the log can't be reached meanwhile. */
  private join(sessionId: SessionId): void {
    this.waiting.add(sessionId)
    const wait = async (): Promise<void> => {
      for (;;) {
        try {
          const { timedOut, error, session } = await this.swarm.wait(sessionId)
          if (timedOut || error !== null || session === null)
            this.world.violate(`wait for ${sessionId}: ${JSON.stringify(error)}`)
          this.waiting.delete(sessionId)
          this.world.note(`${this.actor.name} joined ${sessionId}: ${session?.status}`)
          return
        } catch (error) {
          if (!isSwarmError(error) || !error.retryable) throw error
          await this.ports.clock.sleep(RETRY_MS)
        }
      }
    }
    void wait().catch((error: unknown) => this.world.violate(`wait for ${sessionId} throws ${messageOf(error)}`))
  }

  private async query(what: string, ask: () => Promise<unknown>): Promise<void> {
    try {
      await ask()
    } catch (error) {
      if (!isSwarmError(error) || !(error.retryable || error.code === 'session_not_found')) {
        this.world.violate(`${what} throws ${messageOf(error)}`)
      }
    }
  }

  private async command(
    what: string,
    ask: () => Promise<CommandResult | Awaited<ReturnType<Swarm['start']>>>,
  ): Promise<Answered['answer']> {
    this.offered = []
    const { offered } = this
    const note = (answer: Answered['answer'], position?: Position) => {
      this.world.note(`${this.actor.name} ${what}: ${answer}`)
      this.answered.push({ what, offered, answer, position })
      return answer
    }
    try {
      const result = await ask()
      return result.ok ? note('ok', result.position) : note('refused')
    } catch (error) {
      if (isSwarmError(error, 'log_unreachable')) return note('unreachable')
      if (isSwarmError(error) && error.retryable) return note('unknown')
      this.world.violate(`${what} throws ${messageOf(error)}`)
      return note('unknown')
    }
  }

  /** Follows everything from the first event on, for ever. */
  async follow(): Promise<void> {
    for await (const { position } of this.swarm.events({ from: 'start' })) this.followed.push(position)
  }

  hasSeen(position: Position): boolean {
    return this.followed.includes(position)
  }

  /** Whoever follows sees every event once and in order. */
  checkFollowed(): void {
    const all = this.witness.events.map(({ position }) => position)
    if (this.followed.join() !== all.join())
      this.world.violate(`${this.actor.name} saw ${this.followed.length} of ${all.length} events`)
  }

  /** Refused, or not reached: nothing was written. Accepted: just this was, and there. */
  checkAnswers(): void {
    for (const { what, offered, answer, position } of this.answered) {
      const written = this.witness.events.filter((event) => offered.includes(event.id))
      if (written.length > 1) this.world.violate(`${what} was written ${written.length} times`)
      const [event] = written
      if (answer === 'ok' && event?.position !== position)
        this.world.violate(`${what}: ok at ${position}, but it is at ${event?.position}`)
      if ((answer === 'refused' || answer === 'unreachable') && event !== undefined) {
        this.world.violate(`${what}: ${answer}, but it is in the log at ${event.position}`)
      }
    }
  }
}
