/** A log's stream from which messages can be taken away, as a damaged store loses them: a real one refuses deletion. */
import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsLink } from '../../src/adapters/nats/connection.ts'
import { ensureLogStream } from '../../src/adapters/nats/event-log.ts'

/** Makes it as every log's stream is made, then anew without the refusal. */
export async function ensureLosingStream(link: NatsLink): Promise<void> {
  const { streams } = await jetstreamManager(link.nc)
  await ensureLogStream(link, link.names)
  const { config } = await streams.info(link.names.stream)
  await streams.delete(link.names.stream)
  await streams.add({ ...config, deny_delete: false })
  await ensureLogStream(link, link.names)
}

export async function loseMessage({ nc, names }: NatsLink, position: number): Promise<void> {
  const { streams } = await jetstreamManager(nc)
  await streams.deleteMessage(names.stream, position)
}
