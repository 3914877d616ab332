import type { NatsConnection } from '@nats-io/transport-node'

/** Publishes a message as it is, and waits as long as a slow disk takes until the server has stored it; its position. */
export async function put(nc: NatsConnection, subject: string, body: string | Uint8Array): Promise<number> {
  const answer = await nc.request(subject, body, { timeout: 30_000 })
  return answer.json<{ seq: number }>().seq
}
