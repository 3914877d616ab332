/** What programs without types may give the library's functions, on a real log: refused by name. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import * as library from '../src/index.ts'
import { startTestServer, type TestServer } from './support/nats-server.ts'

/** A function as JavaScript sees it. */
type Untyped = (...given: unknown[]) => Promise<unknown>

let server: TestServer
let directory: string
let swarm: library.ConnectedSwarm
beforeAll(async () => {
  server = await startTestServer()
  directory = await mkdtemp(join(tmpdir(), 'swarmtrail-arguments-'))
  swarm = await library.connectSwarm({ servers: server.url, dir: join(directory, '.swarmtrail') })
})
// The last one first, and each on its own: what was begun is ended, however far it came.
afterAll(() => rm(directory, { recursive: true, force: true }))
afterAll(() => server.stop())
afterAll(() => swarm.close())

const command = { command: 'true', protocol: 'exit-code' } as const
const untyped = (name: string) => (library as Record<string, unknown> as Record<string, Untyped>)[name] as Untyped
const refusal = (message: string) => ({ code: 'invalid_argument', message: expect.stringContaining(message) as string })

it.each([
  [undefined, 'options: expected object, got undefined'],
  [{}, 'servers: expected string, or an array, of each string, got undefined'],
  [{ servers: [5] }, 'servers: expected string, or an array'],
  [{ servers: 'nats://127.0.0.1:1', source: 'a b' }, 'source: expected 1 to 256 characters that a URI may have'],
  [{ servers: 'nats://127.0.0.1:1', replicas: 0 }, 'replicas: expected integer >= 1 and <= 5, got 0'],
  [{ servers: 'nats://127.0.0.1:1', logger: {} }, 'logger: expected object with the functions info'],
])('connectSwarm(%j) is refused', async (given, message) => {
  await expect(untyped('connectSwarm')(given)).rejects.toMatchObject(refusal(message))
})

it.each([{ dir: 5 }, null])('openEmbeddedSwarm(%j) is refused', async (given) => {
  await expect(untyped('openEmbeddedSwarm')(given)).rejects.toMatchObject(refusal(': expected '))
})

it.each([
  [{ swarm: undefined }, 'swarm: expected a swarm of connectSwarm or openEmbeddedSwarm, got undefined'],
  [{ workflow: 5, command: undefined }, 'workflow: expected string, got 5'],
  [{ command: 'echo' }, 'command: expected object, got "echo"'],
  [{ command: {} }, 'command.command: expected string, got undefined'],
  [{ sourceDir: 5 }, 'sourceDir: expected string, got 5'],
  [{ capacity: 0 }, 'capacity: expected integer >= 1, got 0'],
  [{ leaseTtlMs: 999 }, 'leaseTtlMs: expected integer >= 1000 and <= 2147483647, got 999'],
  [{ leaseTtlMs: 1e15 }, 'leaseTtlMs: expected integer >= 1000 and <= 2147483647, got 1000000000000000'],
  [{ drainMs: 'long' }, 'drainMs: expected integer >= 0 and <= 2147483647, got "long"'],
  [{ only: 'abc' }, 'only: expected an array, of each 1 to 64 characters'],
  ...['', 'a\0b', 'a b', 'a'.repeat(5_000)].map((runnerId): [object, string] => [
    { runnerId },
    'runnerId: expected 1 to 256 characters that a URI may have',
  ]),
])('createRunner(%j) is refused', async (given, message) => {
  await expect(untyped('createRunner')({ swarm, command, sourceDir: directory, ...given })).rejects.toMatchObject(
    refusal(message),
  )
})

it('a runner may be silent for as long as a lease can be, and refuses what a swarm does', async () => {
  const options = { swarm, command, sourceDir: directory, leaseTtlMs: 2_147_483_647, runnerId: "it's/me:1" }
  const runner = await library.createRunner(options)
  const { run, close } = runner as Record<string, unknown> as Record<'run' | 'close', Untyped>
  expect(await run(null)).toMatchObject({ ok: false, code: 'invalid_argument' })
  expect(await run({ task: 'a', session_id: 5 })).toMatchObject({ ok: false, code: 'invalid_argument' })
  await expect(close({ drainMs: -1 })).rejects.toMatchObject(refusal('drainMs: expected integer'))
  await runner.close()
})

it('a runner is closed by a signal that it is the listener of', async () => {
  const runner = await library.createRunner({ swarm, command, sourceDir: directory })
  const { close } = runner as Record<string, unknown> as Record<'close', Untyped>
  await close('SIGTERM', 15)
  expect(await swarm.start({ task: 'a', session_id: 'left' })).toMatchObject({ ok: true })
  expect(runner.active).toBe(0)
})

it.each([
  ['verifyLog', [{}], 'swarm: expected a swarm'],
  ['verifyLog', ['swarm', { sessionIds: 'S1' }], 'sessionIds: expected an array'],
  ['verifyLog', ['swarm', { against: {} }], 'against: expected summary, got an object'],
  ['verifyExport', [5], 'path: expected string, got 5'],
  ['importTrails', ['swarm'], 'path: expected string, got undefined'],
  ['readAudit', ['swarm', undefined], 'session_id: expected 1 to 64 characters'],
  ['auditPage', ['swarm', 'S1'], 'audit: expected object, got "S1"'],
  ['backtest', ['swarm', {}], 'workflow: expected string, got undefined'],
])('%s(%j) is refused', async (name, given, message) => {
  const call = untyped(name)(...given.map((one) => (one === 'swarm' ? swarm : one)))
  await expect(call).rejects.toMatchObject(refusal(message))
})

it('exportTrails of what are no sessions is refused once it is asked for the first line', async () => {
  const lines = library.exportTrails(swarm, { sessionIds: ['a b'] })
  await expect(lines.next()).rejects.toMatchObject(refusal('sessionIds: expected an array'))
})

it('a view that there is not can not be rebuilt', async () => {
  await expect(untyped('rebuildView')(swarm, 'nope')).rejects.toMatchObject({ code: 'unknown_view' })
})
