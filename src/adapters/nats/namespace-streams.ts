/** All streams of a namespace, made by an administrator for users who may not make any. */
import type { NatsLink } from './connection.ts'
import { apiCodeOf, manager } from './jetstream.ts'
import { leaseStream } from './lease-store.ts'
import { asLogFault } from './log-errors.ts'
import { ensureLogStream } from './log-stream.ts'
import { objectStream, type StoreStream, viewStream } from './store-stream.ts'

const NAME_IN_USE = 10058

/**
 * Makes what is not there yet: the log, the leases, the artifacts and the stores of views. Returns the streams' names.
 * Throws `not_authorized`, `log_unreachable`.
 */
export async function makeNamespace(
  link: NatsLink,
  stores: readonly string[],
  options: { replicas?: number | undefined } = {},
): Promise<string[]> {
  const { names } = link
  const replicas = options.replicas ?? 1
  const clustered = link.clustered()
  await ensureLogStream(link, names, { replicas })
  const streams = [
    leaseStream(names, replicas),
    objectStream(names.artifactBucket, replicas),
    ...stores.map((store) => viewStream(names.viewBucket(store), { replicas, clustered })),
  ]
  for (const stream of streams) await make(link, stream)
  return [names.stream, ...streams.map(({ name }) => name)]
}

async function make(link: NatsLink, stream: StoreStream): Promise<void> {
  try {
    const { streams } = await manager(link.nc)
    await streams.add(stream)
  } catch (error) {
    // It is there with other settings, e.g. more replicas, which are its administrator's choice.
    if (apiCodeOf(error) !== NAME_IN_USE) throw asLogFault(error, stream.name)
  }
}
