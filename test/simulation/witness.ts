/**
 * Sees every event that gets into the log and every process that is launched, and holds them against the laws. It
 * folds each trail by itself: what it knows is the truth that runners, clients and views are compared with.
 */
import { isDeepStrictEqual } from 'node:util'
import { checkLink } from '../../src/events/hash-chain.ts'
import type { RecordedEvent, SwarmEvent } from '../../src/events/envelope.ts'
import { isCoordinators } from '../../src/events/session-events.ts'
import { contextOf, INITIAL_STATE, phaseOf, type SessionState } from '../../src/machines/decider.ts'
import type { Intent } from '../../src/machines/intents.ts'
import { messageOf } from '../../src/runtime/errors.ts'
import type { LogEvent, LogParked } from '../../src/runtime/ports.ts'
import { takeIn } from '../../src/runtime/trail.ts'
import { artifactsOf } from '../../src/runtime/transfer/export-artifacts.ts'
import type { Host } from './processes.ts'
import type { Actor } from './scheduler.ts'
import { sha256 } from './server.ts'
import type { World } from './world.ts'

export type Trail = {
  state: SessionState
  events: RecordedEvent[]
  /** What the state was at each version. */
  states: Map<number, SessionState>
  asked: Map<string, Intent>
  answered: Set<string>
  /** Digests of the artifacts that events of the latest claim's runner name. */
  named: string[]
  /** Who may write: the runner of the latest claim. */
  owner: string | null
  epoch: number
  launched: Set<string>
  /** Where and when it was claimed. */
  claims: { host: string; atMs: number; position: number }[]
}

/** Within this an event reaches everybody, unless the network is slow. */
const DELIVERY_MS = 100
/** Reports on the way; any number of them belong to one effect. */
const REPORTS: ReadonlySet<string> = new Set(['turn.spawned', 'turn.progressed'])
const TURN_ENDS: ReadonlySet<string> = new Set(['exited', 'stalled', 'timed_out', 'interrupted', 'stopped'])

export class Witness {
  readonly trails = new Map<string, Trail>()
  readonly events: RecordedEvent[] = []
  /** How far each process has been told of the log. */
  private readonly told = new Map<string, number>()
  private readonly world: World
  private readonly hostOf: (runnerId: string) => Host | undefined

  constructor(world: World, hostOf: (runnerId: string) => Host | undefined) {
    this.world = world
    this.hostOf = hostOf
  }

  trailOf(sessionId: string): Trail {
    const found = this.trails.get(sessionId)
    if (found !== undefined) return found
    const trail: Trail = {
      state: INITIAL_STATE,
      events: [],
      states: new Map(),
      asked: new Map(),
      answered: new Set(),
      named: [],
      owner: null,
      epoch: 0,
      launched: new Set(),
      claims: [],
    }
    this.trails.set(sessionId, trail)
    return trail
  }

  stateOf(sessionId: string): SessionState {
    return this.trailOf(sessionId).state
  }

  isClosed(sessionId: string): boolean {
    return phaseOf(this.stateOf(sessionId)) === 'closed'
  }

  /** `kept`: digests of the artifacts that are in the store by now. */
  stored(item: LogEvent | LogParked, kept: ReadonlySet<string>): void {
    if (item.kind === 'parked') return this.world.violate(`the log holds what is no event: ${item.reason}`)
    const { event, position } = item
    const trail = this.trailOf(event.subject)
    this.checkWriter(trail, event, position)
    this.checkAnswer(trail, event)
    this.checkTurn(trail, event)
    this.checkArtifacts(trail, event, kept)
    const broken = checkLink(event, trail.events.at(-1)?.hash ?? null, sha256)
    if (broken !== null) this.world.violate(`the chain of ${event.subject} breaks at ${position}: ${broken}`)
    this.fold(trail, item)
    trail.events.push({ ...event, position })
    this.events.push({ ...event, position })
  }

  private fold(trail: Trail, item: LogEvent): void {
    try {
      const step = takeIn(trail.state, item)
      trail.state = step.state
      if (step.parked !== null) this.world.violate(`${item.event.type} was appended where it is not possible`)
      for (const intent of step.intents) trail.asked.set(intent.id, intent)
      trail.states.set(item.position, step.state)
    } catch (error) {
      this.world.violate(`the trail does not fold: ${messageOf(error)}`)
    }
  }

  private checkWriter(trail: Trail, event: SwarmEvent, position: number): void {
    const byRunner = event.source.startsWith('runner/')
    if (event.type === 'session.claimed') {
      if (event.data.epoch !== trail.epoch + 1) this.world.violate(`epoch ${event.data.epoch} follows ${trail.epoch}`)
      if (event.source !== `runner/${event.data.runner_id}`) this.world.violate('a claim in somebody else’s name')
      trail.epoch = event.data.epoch
      trail.owner = event.source
      trail.claims.push({ host: event.data.host, atMs: this.world.scheduler.nowMs, position })
    } else if (byRunner ? event.source !== trail.owner : !isCoordinators(event.type)) {
      this.world.violate(`${event.source} wrote ${event.type} to ${event.subject}, which ${trail.owner} owns`)
    }
  }

  private checkAnswer(trail: Trail, event: SwarmEvent): void {
    const cause = event.causationid
    if (!cause.includes('/') || REPORTS.has(event.type)) return
    if (!trail.asked.has(cause)) this.world.violate(`${event.type} answers ${cause}, which nobody asked for`)
    if (trail.answered.has(cause)) this.world.violate(`${cause} is answered twice, now by ${event.type}`)
    trail.answered.add(cause)
  }

  /** What a runner's events name is in the store before anything follows from them. */
  private checkArtifacts(trail: Trail, event: SwarmEvent, kept: ReadonlySet<string>): void {
    if (isCoordinators(event.type) || REPORTS.has(event.type)) return
    if (event.type === 'session.claimed') trail.named = []
    const lacking = trail.named.find((digest) => !kept.has(digest))
    if (lacking !== undefined)
      this.world.violate(`${event.subject}: ${event.type} before artifact ${lacking} is stored`)
    trail.named = artifactsOf(event).map(({ sha256: digest }) => digest)
  }

  private checkTurn(trail: Trail, event: SwarmEvent): void {
    if (event.type === 'turn.started') {
      const before = contextOf(trail.state).turnsStarted
      if (event.data.turn_number !== before + 1) this.world.violate(`turn ${event.data.turn_number} follows ${before}`)
    }
    if (event.type.startsWith('turn.') && TURN_ENDS.has(event.type.slice('turn.'.length))) this.checkEnded(trail, event)
  }

  /** A turn's process is gone from its runner's host before its end is recorded. */
  private checkEnded(trail: Trail, event: SwarmEvent): void {
    const host = this.hostOf(event.source.slice('runner/'.length))
    const left = host?.living().filter(({ marker }) => marker === event.causationid && trail.asked.has(marker)) ?? []
    if (left.length > 0) this.world.violate(`${event.type} is recorded while process ${left[0]?.pid} lives`)
  }

  /** A process is about to be launched for an effect. */
  launching({ name: runnerId, frozenUntilMs }: Actor, host: Host, marker: string): void {
    const [sessionId, trail] = [...this.trails].find(([, each]) => each.asked.has(marker)) ?? []
    const intent = trail?.asked.get(marker)
    if (sessionId === undefined || trail === undefined || intent === undefined) {
      return this.world.violate(`${runnerId} launches a process for ${marker}, which is not in the log`)
    }
    const owns = trail.owner === `runner/${runnerId}`
    const claimedMs = trail.claims.at(-1)?.atMs ?? 0
    const living = host.living().filter((each) => trail.asked.has(each.marker))
    const other = living.find(
      ({ launcher, launchedMs }) => launcher.name === runnerId || (owns && launchedMs <= claimedMs),
    )
    if (other !== undefined) {
      this.world.violate(
        `${runnerId} launches ${intent.type} of ${sessionId} beside process ${other.pid} (${other.label})`,
      )
    }
    if (!owns && this.mustKnow(trail, { name: runnerId, frozenUntilMs })) {
      this.world.violate(`${runnerId} launches ${intent.type} of ${sessionId}, which ${trail.owner} has claimed`)
    }
    if (intent.type !== 'execTurn') return
    if (trail.launched.has(marker)) this.world.violate(`the executor of ${sessionId} is launched twice for one turn`)
    trail.launched.add(marker)
  }

  /**
   * A runner that was stopped in the very moment between making sure and launching can't know of a newer claim; nor can
   * one that has not been told yet, where the claim was still on its way when its author lost the lease.
   */
  private mustKnow({ claims }: Trail, { name, frozenUntilMs }: Pick<Actor, 'name' | 'frozenUntilMs'>): boolean {
    const claim = claims.at(-1)
    if (claim === undefined || frozenUntilMs >= claim.atMs) return false
    const { faults, scheduler } = this.world
    const swift = faults.slow === 0 && faults.late === 0
    return (this.told.get(name) ?? 0) >= claim.position || (swift && scheduler.nowMs - claim.atMs > DELIVERY_MS)
  }

  /** An event has been delivered to a process. */
  delivered(name: string, position: number): void {
    this.told.set(name, Math.max(position, this.told.get(name) ?? 0))
  }

  /**
   * Nothing outlives its runner's orderly end. What a killed runner left is ended by the next one that claims the
   * session on that host; where none does, it may live on.
   */
  leftBehind(host: Host, killed: ReadonlySet<string>): void {
    for (const { marker, launcher, launchedMs, pid, label } of host.living()) {
      const trail = [...this.trails.values()].find((each) => each.asked.has(marker))
      const claimedHere = trail?.claims.some((claim) => claim.host === host.name && claim.atMs > launchedMs) === true
      if (claimedHere || !killed.has(launcher.name))
        this.world.violate(`process ${pid} (${label}) is left on ${host.name}`)
    }
  }

  /** A workspace is about to be touched. */
  asked(runnerId: string, type: Intent['type'], sessionId: string): void {
    const asked = [...this.trailOf(sessionId).asked.values()].some((intent) => intent.type === type)
    if (!asked) this.world.violate(`${runnerId} performs ${type} of ${sessionId}, which is not asked for in the log`)
  }

  /** What a runner holds for the truth must be the truth of that version. */
  compare(runnerId: string, sessionId: string, state: SessionState): void {
    const truth = this.trailOf(sessionId).states.get(state.version)
    if (truth === undefined)
      return this.world.violate(`${runnerId} believes in a version ${state.version} of ${sessionId}`)
    if (!isDeepStrictEqual(plain(truth), plain(state))) {
      this.world.violate(`${runnerId} holds another state of ${sessionId} at ${state.version} than its trail folds to`)
    }
  }
}

/** Through JSON, as it might be stored. */
function plain(state: SessionState): unknown {
  return JSON.parse(JSON.stringify(state))
}
