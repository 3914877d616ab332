/** The log and the stores as one process of the world sees them: over the network. */
import type { ArtifactStore, ClientPorts, EventLog, LeaseStore, Logger, ViewStore } from '../../src/runtime/ports.ts'
import type { Disk } from './disk.ts'
import { clientAppend, serverAppend, type Mutant } from './mutants.ts'
import type { Actor } from './scheduler.ts'
import { sha256, type Server } from './server.ts'
import type { World } from './world.ts'

/** A lease ends up to so much earlier or later than asked for. */
const LEASE_DRIFT_MAX = 0.4

export type Place = {
  world: World
  server: Server
  mutant: Mutant | null
  /** Told of each event that reaches the process. */
  delivered?: (position: number) => void
}

export function clientPorts(place: Place, actor: Actor, disk: Disk): ClientPorts & { leases: LeaseStore } {
  let made = 0
  return {
    log: logOf(place, actor),
    artifacts: artifactsOf(place, actor, disk),
    views: viewsOf(place, actor),
    leases: leasesOf(place, actor),
    clock: place.world.scheduler.clockOf(actor),
    ids: { next: () => `${actor.name}-${++made}` },
    logger: loggerOf(place.world, actor),
    sha256,
  }
}

function logOf({ world, server, mutant, delivered }: Place, actor: Actor): EventLog {
  const atServer = serverAppend(server, mutant)
  const send: EventLog['append'] = (event, expected) =>
    world.call(actor, `append ${event.subject} ${event.type} after ${expected}`, () => atServer(event, expected), true)
  const append = clientAppend(world, server, actor, mutant, send)
  const read: EventLog['read'] = (sessionId, after) =>
    world.call(actor, `read ${sessionId}`, () => server.log.read(sessionId, after))
  return {
    append,
    read,
    walk: async (sessionId, take, after) => (await read(sessionId, after)).forEach(take),
    subscribe: (options) =>
      delayed(world, actor, server.log.subscribe(options), options.signal, ({ position }) => {
        // Only a runner follows a few nouns for ever; projectors and readers of views tell it nothing.
        if (options.once !== true && options.filter?.nouns !== undefined) delivered?.(position)
      }),
    head: () => world.call(actor, 'head', () => server.log.head()),
    positionAt: (timeMs) => world.call(actor, 'positionAt', () => server.log.positionAt(timeMs)),
    publishOutput: (sessionId, stream, chunk) => server.log.publishOutput(sessionId, stream, chunk),
    followOutput: (sessionId, signal) => server.log.followOutput(sessionId, signal),
    reachable: () => world.reachable(actor),
  }
}

/** Items arrive in order, each after some time; those that a dead process still waited for never arrive. */
async function* delayed<T>(
  world: World,
  actor: Actor,
  items: AsyncIterable<T>,
  signal?: AbortSignal,
  arrived: (item: T) => void = () => undefined,
): AsyncGenerator<T> {
  for await (const item of items) {
    await world.arrival(actor)
    if (signal?.aborted === true) return
    arrived(item)
    yield item
  }
}

async function allOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

function artifactsOf({ world, server }: Place, actor: Actor, disk: Disk): ArtifactStore {
  const { artifacts, kept } = server
  const put = (content: Uint8Array | string) =>
    world.call(actor, 'put artifact', async () => {
      const ref = await artifacts.put(content)
      kept.add(ref.sha256)
      return ref
    })
  return {
    put,
    putFile: async (path) => put(await world.local(actor, `read ${path}`, () => disk.contentOf(path))),
    get: (ref) => world.call(actor, 'get artifact', () => artifacts.get(ref)),
  }
}

function viewsOf({ world, server: { views, projected } }: Place, actor: Actor): ViewStore {
  return {
    get: (view, key) => world.call(actor, `view ${view}`, () => views.get(view, key)),
    async *list(view) {
      const all = await world.call(actor, `views ${view}`, () => allOf(views.list(view)))
      yield* all
    },
    find: (view, keys) => world.call(actor, `views ${view}`, () => views.find(view, keys)),
    put: (view, documents, options) =>
      world.call(actor, `put ${documents.length} of ${view}`, () => views.put(view, documents, options)),
    remove: (view, documents) =>
      world.call(actor, `remove ${documents.length} of ${view}`, () => views.remove(view, documents)),
    checkpoint: (view) => world.call(actor, `checkpoint of ${view}`, () => views.checkpoint(view)),
    generation: () => views.generation(),
    setCheckpoint: (view, position, since) =>
      world.call(actor, `checkpoint of ${view} is ${position}`, () => {
        projected.set(view, Math.max(position, projected.get(view) ?? 0))
        return views.setCheckpoint(view, position, since)
      }),
    clear: (view) => world.call(actor, `clear ${view}`, () => views.clear(view)),
  }
}

function leasesOf({ world, server: { leases } }: Place, actor: Actor): LeaseStore {
  const drifting = (ttlMs: number) => {
    if (!world.faults.active) return ttlMs
    return Math.round(ttlMs * (1 + (world.random.unit() * 2 - 1) * LEASE_DRIFT_MAX))
  }
  const call = <T>(what: string, work: () => Promise<T>) => world.call(actor, what, work)
  return {
    acquire: (key, holder, ttlMs) => call(`lease ${key}`, () => leases.acquire(key, holder, drifting(ttlMs))),
    renew: (lease, holder, ttlMs) => call(`renew ${lease.key}`, () => leases.renew(lease, holder, drifting(ttlMs))),
    release: (lease) => call(`release ${lease.key}`, () => leases.release(lease)),
    holder: (key) => call(`holder of ${key}`, () => leases.holder(key)),
    evict: (key, holder) => call(`evict ${key} of ${holder.runnerId}`, () => leases.evict(key, holder)),
    watch: (signal) => delayed(world, actor, leases.watch(signal), signal),
  }
}

function loggerOf(world: World, actor: Actor): Logger {
  const say = (message: string, fields: Record<string, unknown> = {}) => {
    if (actor.alive) world.note(`${actor.name} says: ${message} ${JSON.stringify(fields)}`)
  }
  return { info: say, warn: say, error: say }
}
