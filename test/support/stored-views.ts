/** Views in the stores of a real server, kept by a projector, and held against the log. */
import { expect } from 'vitest'
import type { NatsLink } from '../../src/adapters/nats/connection.ts'
import { natsEventLog } from '../../src/adapters/nats/event-log.ts'
import { natsLeaseStore } from '../../src/adapters/nats/lease-store.ts'
import { natsViewStore } from '../../src/adapters/nats/view-store.ts'
import { indexes, projections } from '../../src/projections/catalog.ts'
import { VIEW_NAMES, storeNameOf } from '../../src/projections/names.ts'
import type { ClientPorts, LeaseStore } from '../../src/runtime/ports.ts'
import { startProjector, type Projecting } from '../../src/runtime/projector.ts'
import { rebuildProjection } from '../../src/runtime/rebuild.ts'
import type { Projection } from '../../src/projections/projection.ts'
import { listView, readView, viewAt } from '../../src/runtime/views.ts'
import { sha256 } from './events.ts'
import { memoryPorts } from './told-log.ts'
import { until } from './until.ts'

const holder = { runnerId: 'r1', host: 'h', pid: 1, processStartedAt: '1' }

export const KEPT: readonly Projection<unknown>[] = [
  ...Object.values(projections),
  ...Object.values(indexes),
] as Projection<unknown>[]
export const STORES = KEPT.map(storeNameOf)

export type StoredPorts = ClientPorts & { leases: LeaseStore }

export function portsOf(link: NatsLink): StoredPorts {
  const { nc, names } = link
  const leases = natsLeaseStore(nc, names)
  return { ...memoryPorts(), log: natsEventLog(link, names, sha256), views: natsViewStore(nc, names), leases }
}

export function startKeeping(ports: StoredPorts): Projecting {
  return startProjector(ports, holder, 3_000)
}

/** All that is in the log now is in the stores. */
export async function current({ log, views }: StoredPorts): Promise<void> {
  const head = await log.head()
  await until('all views are stored', async () => {
    const checkpoints = await Promise.all(STORES.map((name) => views.checkpoint(name)))
    return checkpoints.every((checkpoint) => checkpoint === head)
  })
}

/** Readers see of every view what the log says. */
export async function expectRight(ports: StoredPorts): Promise<void> {
  const byKey = (documents: { key: string; document: unknown }[]) =>
    documents.map(({ key, document }) => ({ key, document })).toSorted((a, b) => (a.key < b.key ? -1 : 1))
  const head = await ports.log.head()
  for (const view of VIEW_NAMES) {
    const right = byKey(await viewAt(ports, view, head))
    expect(byKey(await listView(ports, view))).toEqual(right)
    for (const { key, document } of right) expect((await readView(ports, view, key))?.document).toEqual(document)
  }
}

/** The views and indexes of which something is stored that the log doesn't say; it is put right. */
export async function wrongIn(ports: StoredPorts): Promise<string[]> {
  const rebuilt = await Promise.all(KEPT.map((one) => rebuildProjection(ports, one)))
  return rebuilt.filter(({ changed }) => changed > 0).map(({ view }) => view)
}

/** The same once whoever keeps the views has caught up, and readers are told what the log says. */
export async function wrongOnceCurrent(ports: StoredPorts): Promise<string[]> {
  await current(ports)
  await expectRight(ports)
  return wrongIn(ports)
}
