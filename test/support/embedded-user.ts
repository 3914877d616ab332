/**
 * A command that uses the embedded server of a directory: prints its pid when it has it, releases it when its standard
 * input ends, then exits.
 */
import { acquireEmbeddedServer } from '../../src/adapters/nats/embedded-server.ts'

const dir = process.argv[2]
if (dir === undefined) throw new Error('usage: embedded-user DIR')
const server = await acquireEmbeddedServer({ dir })
process.stdout.write(`${JSON.stringify({ pid: server.pid, url: server.url })}\n`)
process.stdin.resume()
await new Promise((resolve) => process.stdin.once('end', resolve))
await server.release()
