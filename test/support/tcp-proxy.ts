/** Stands between a client and a server, so that a test can lose exactly what it wants to lose. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export type TcpProxy = {
  port: number
  /** From now on nothing passes in this direction; the other end still believes it was sent. */
  swallow: (direction: 'requests' | 'replies') => void
  /** Ends all connections; new ones pass everything again. */
  cut: () => void
  /** Ends all connections and refuses new ones. */
  stop: () => Promise<void>
}

export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  const swallowed = { requests: false, replies: false }
  const server = createServer((client) => {
    const target = connect(targetPort, '127.0.0.1')
    relay(client, target, () => swallowed.requests)
    relay(target, client, () => swallowed.replies)
    for (const socket of [client, target]) {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const cut = () => {
    swallowed.requests = false
    swallowed.replies = false
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: address.port,
    swallow: (direction) => (swallowed[direction] = true),
    cut,
    async stop() {
      server.close()
      cut()
      await once(server, 'close')
    },
  }
}

function relay(from: Socket, to: Socket, swallows: () => boolean): void {
  from.on('data', (data) => {
    if (!swallows()) to.write(data)
  })
  from.on('close', () => to.destroy())
  // A broken connection is what such a test is about; 'close' follows and passes it on.
  from.on('error', () => to.destroy())
}
