/** The roles on three servers, where reads go to the leader of a stream. */
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { connectNats } from '../../src/adapters/nats/connection.ts'
import { makeNamespace } from '../../src/adapters/nats/namespace-streams.ts'
import { roleConfig } from '../../src/adapters/nats/role-config.ts'
import { connectSwarm } from '../../src/connect.ts'
import { VIEW_NAMES } from '../../src/projections/names.ts'
import { isSwarmError } from '../../src/runtime/errors.ts'
import { startConfiguredServer } from '../support/cluster-server.ts'
import { freePort } from '../support/nats-server.ts'
import { until } from '../support/until.ts'

const electionMs = 20_000
const password = 'password'
const USERS = ['ADMIN', 'OBSERVER', 'COORDINATOR', 'RUNNER']

it('reads what was written a moment ago, whatever server is asked', { timeout: 60_000 }, async () => {
  const ports = await Promise.all([freePort(), freePort(), freePort()])
  const routes = `routes: [${ports.map((port) => `"nats://127.0.0.1:${port}"`).join(', ')}]`
  const env = Object.fromEntries(USERS.map((user) => [`SWARMTRAIL_${user}_PASSWORD`, password]))
  const servers = await Promise.all(
    ports.map((routePort, n) => {
      const config = (port: number, directory: string) =>
        roleConfig({
          namespace: 'team',
          stores: VIEW_NAMES,
          listen: `127.0.0.1:${port}`,
          storeDir: join(directory, 'store'),
          cluster: true,
        })
          .replace('server_name: "n1"', `server_name: "n${n}"`)
          .replace('127.0.0.1:6222', `127.0.0.1:${routePort}`)
          .replace(/routes: .*/, routes)
      return startConfiguredServer({ config, env })
    }),
  )
  onTestFinished(async () => void (await Promise.all(servers.map((server) => server.stop()))))
  const admin = await connectNats({ servers: servers[0]?.url('admin', password) ?? '', namespace: 'team' })
  onTestFinished(() => admin.close())
  await until('the streams are there', () => madeNamespace(admin), electionMs)
  const swarms = await Promise.all(
    servers.map((server, n) =>
      connectSwarm({ servers: server.url(n === 0 ? 'coordinator' : 'observer', password), namespace: 'team' }),
    ),
  )
  onTestFinished(async () => void (await Promise.all(swarms.map((swarm) => swarm.close()))))
  for (const id of ['S1', 'S2', 'S3']) {
    await expect(swarms[0]?.start({ task: 'try', session_id: id })).resolves.toMatchObject({ ok: true })
    for (const swarm of swarms) expect(await swarm.get(id)).toMatchObject({ session_id: id })
  }
  for (const swarm of swarms) expect(await swarm.list()).toHaveLength(3)
})

async function madeNamespace(link: Parameters<typeof makeNamespace>[0]): Promise<boolean> {
  try {
    await makeNamespace(link, VIEW_NAMES, { replicas: 3 })
    return true
  } catch (error) {
    if (isSwarmError(error, 'log_unreachable')) return false
    throw error
  }
}
