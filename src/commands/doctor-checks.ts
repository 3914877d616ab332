/** What `doctor` looks at. Loaded by it alone. */
import { jetstreamManager, StorageType, type StreamInfo } from '@nats-io/jetstream'
import { countWords } from '../words/amounts.ts'
import { connectNats } from '../adapters/nats/connection.ts'
import { inspectEmbeddedServer } from '../adapters/nats/embedded-server.ts'
import { systemHost } from '../adapters/shell/host.ts'
import type { ConnectedSwarm } from '../connect.ts'
import { namesOf } from '../events/subjects.ts'
import { messageOf } from '../runtime/errors.ts'
import type { LeaseHolder } from '../runtime/ports.ts'
import { PARKED_STORE, PROJECTOR_LEASE } from '../runtime/projector.ts'
import { soundLog } from '../runtime/sound-log.ts'
import { completeTo, foreignIn } from '../runtime/stored-view.ts'
import { INDEXES, storeNameOf, type Store, VIEWS } from '../projections/names.ts'
import type { GlobalOptions } from './command.ts'

export type DoctorCheck = { name: string; ok: boolean; detail: string }

const IDS_SHOWN_MAX = 10

export async function checkup(swarm: ConnectedSwarm, options: GlobalOptions): Promise<DoctorCheck[]> {
  const stream = await streamOf(swarm, options)
  const leases = livingOnly(await heldLeases(swarm))
  return [
    { name: 'server', ok: true, detail: `nats-server ${swarm.server.version} at ${swarm.server.url}` },
    durability(swarm, stream),
    streamCheck(stream),
    leaseCheck(leases),
    await sessionCheck(swarm, leases),
    await viewCheck(swarm, leases),
    await parkedCheck(swarm),
  ]
}

/** The stream as the server describes it, over a connection of its own; a user may lack the right to see that. */
async function streamOf(swarm: ConnectedSwarm, options: GlobalOptions): Promise<StreamInfo | string> {
  const { namespace } = swarm
  const embedded = swarm.server.embedded ? await inspectEmbeddedServer(swarm.dir) : null
  const target =
    embedded === null
      ? { servers: options.nats ?? swarm.server.url, credsFile: options.creds, inboxPrefix: options.inboxPrefix }
      : { servers: embedded.url, user: embedded.user, password: embedded.password }
  const link = await connectNats({ ...target, namespace })
  try {
    const manager = await jetstreamManager(link.nc, { checkAPI: false })
    return await manager.streams.info(namesOf(namespace).stream)
  } catch (error) {
    return messageOf(error)
  } finally {
    await link.close()
  }
}

function durability({ server }: ConnectedSwarm, stream: StreamInfo | string): DoctorCheck {
  const name = 'durability'
  if (typeof stream === 'string') return { name, ok: false, detail: `unknown: ${stream}` }
  const { storage, num_replicas: replicas } = stream.config
  const onDisk = storage === StorageType.File
  const where = `${onDisk ? 'on disk' : 'IN MEMORY'}, ${countWords(replicas, 'copy').replace('copys', 'copies')}`
  const sync = server.embedded
    ? 'every event is synced before it is acknowledged'
    : 'when it reaches the disk is the setting sync_interval of the server'
  return { name, ok: onDisk, detail: `${where}; ${sync}` }
}

function streamCheck(stream: StreamInfo | string): DoctorCheck {
  const name = 'stream'
  if (typeof stream === 'string') return { name, ok: false, detail: `can't be looked at: ${stream}` }
  const { config, state } = stream
  const lost = state.last_seq - state.messages
  const wrong = [
    lost === 0 ? null : `${countWords(lost, 'event')} LOST, see swarmtrail verify`,
    config.deny_delete ? null : 'deletion is allowed',
    config.deny_purge ? null : 'purging is allowed',
    config.allow_direct ? null : 'direct reads are off',
    config.republish === undefined ? 'live events are off' : null,
  ].filter((one) => one !== null)
  const size = `${config.name}: ${countWords(state.messages, 'event')} up to position ${state.last_seq}, ${countWords(state.consumer_count, 'consumer')}`
  return { name, ok: wrong.length === 0, detail: [size, ...wrong].join('; ') }
}

async function heldLeases(swarm: ConnectedSwarm): Promise<Map<string, LeaseHolder>> {
  const held = new Map<string, LeaseHolder>()
  const enough = new AbortController()
  for await (const change of swarm.ports.leases.watch(enough.signal)) {
    if (change.kind === 'current') break
    if (change.kind === 'held') held.set(change.key, change.holder)
    else held.delete(change.key)
  }
  enough.abort()
  return held
}

/** A lease outlives a killed runner until it runs out; where its host is this one, the death is seen at once. */
function livingOnly(leases: ReadonlyMap<string, LeaseHolder>): Map<string, LeaseHolder> {
  const here = systemHost()
  const dead = ({ host, pid, processStartedAt }: LeaseHolder) =>
    host === here.name && !here.alive(pid, processStartedAt)
  return new Map([...leases].filter(([, holder]) => !dead(holder)))
}

function leaseCheck(leases: ReadonlyMap<string, LeaseHolder>): DoctorCheck {
  const sessions = [...leases.keys()].filter((key) => key !== PROJECTOR_LEASE)
  const runners = new Set(
    [...leases.values()].map(({ runnerId, host, pid }) => `${runnerId} on ${host}, process ${pid}`),
  )
  const by = runners.size === 0 ? 'no runner is at work' : `held by ${[...runners].join('; ')}`
  return { name: 'leases', ok: true, detail: `${countWords(sessions.length, 'session')} held; ${by}` }
}

/** A session that was claimed and is not closed needs a runner; one that is queued may wait. */
async function sessionCheck(swarm: ConnectedSwarm, leases: ReadonlyMap<string, LeaseHolder>): Promise<DoctorCheck> {
  const open = (await swarm.list()).filter(({ phase }) => phase !== 'closed')
  const queued = open.filter(({ phase }) => phase === 'queued')
  const orphans = open.filter(({ phase, session_id }) => phase !== 'queued' && !leases.has(session_id))
  const ids = orphans.slice(0, IDS_SHOWN_MAX).map(({ session_id, phase }) => `${session_id} (${phase})`)
  const more = orphans.length > ids.length ? `, and ${orphans.length - ids.length} more` : ''
  const state = `${open.length - queued.length} going on, ${queued.length} queued`
  const detail =
    orphans.length === 0 ? state : `${state}; without a runner: ${ids.join(', ')}${more}; start one: swarmtrail runner`
  return { name: 'orphans', ok: orphans.length === 0, detail }
}

/** Reading a view folds what is not stored yet, so a lag costs time and is no fault. */
async function viewCheck(swarm: ConnectedSwarm, leases: ReadonlyMap<string, LeaseHolder>): Promise<DoctorCheck> {
  const checkpoints = await Promise.all(
    Object.values(VIEWS).map(async (view) => {
      return { view, checkpoint: await swarm.ports.views.checkpoint(storeNameOf(view)) }
    }),
  )
  const head = await swarm.ports.log.head()
  const lags = checkpoints.map(
    ({ view, checkpoint }) => `${view.name} ${head - completeTo(checkpoint, checkpoint, head)}`,
  )
  const kept = leases.has(PROJECTOR_LEASE)
    ? 'kept current by a runner'
    : 'no runner keeps them current, readers fold the rest'
  const faults = await viewFaults(swarm)
  const detail = [`positions behind the log: ${lags.join(', ')}`, kept, ...faults].join('; ')
  return { name: 'views', ok: faults.length === 0, detail }
}

/** What commands go by; to look at all that is stored would take too long. */
const LISTED: readonly Store[] = [VIEWS.registry, ...Object.values(INDEXES)]

/** Where readers can't go by what is stored: they fold all of the log then, until the view is made anew. */
async function viewFaults({ ports }: ConnectedSwarm): Promise<string[]> {
  const faults: string[] = []
  for (const store of [...Object.values(VIEWS), ...Object.values(INDEXES)]) {
    const checkpoint = await ports.views.checkpoint(storeNameOf(store))
    const foreign = LISTED.includes(store) ? await foreignIn(ports, store) : []
    const head = await ports.log.head()
    const found = [
      checkpoint > head ? `is said to be complete to position ${checkpoint}, and the log ends at ${head}` : null,
      foreign.length > 0 ? `holds ${countWords(foreign.length, 'value')} that no event led to` : null,
    ].filter((one) => one !== null)
    if (found.length > 0) faults.push(`${store.name} ${found.join(' and ')}: swarmtrail rebuild ${store.name}`)
  }
  return faults
}

/** Those that were stored by a runner, and those behind what it has read. */
async function parkedCheck(swarm: ConnectedSwarm): Promise<DoctorCheck> {
  const { views } = swarm.ports
  const parked = new Map<number, string>()
  const checkpoints = await Promise.all(Object.values(VIEWS).map((one) => views.checkpoint(storeNameOf(one))))
  const head = await swarm.ports.log.head()
  const after = Math.min(...checkpoints.map((checkpoint) => completeTo(checkpoint, checkpoint, head)))
  for await (const { position, document } of views.list(PARKED_STORE))
    if (document !== null) parked.set(position, reasonIn(document))
  for await (const item of soundLog(swarm.ports, { after, once: true }))
    if (item.kind === 'parked') parked.set(item.position, item.reason)
  const shown = [...parked].slice(0, IDS_SHOWN_MAX).map(([position, reason]) => `position ${position}: ${reason}`)
  const detail =
    parked.size === 0 ? 'none' : `${countWords(parked.size, 'message')} that are no events: ${shown.join('; ')}`
  return { name: 'parked', ok: parked.size === 0, detail }
}

function reasonIn(document: unknown): string {
  return typeof document === 'object' && document !== null && 'reason' in document ? String(document.reason) : 'unknown'
}
