/** What each role of `server-config --roles` may and may not do, on a real server that runs on what was printed. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { headers, type NatsConnection } from '@nats-io/transport-node'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { connectNats, type NatsLink } from '../../src/adapters/nats/connection.ts'
import { natsEventLog } from '../../src/adapters/nats/event-log.ts'
import { makeNamespace } from '../../src/adapters/nats/namespace-streams.ts'
import { connectSwarm, type ConnectedSwarm } from '../../src/connect.ts'
import { namesOf } from '../../src/events/subjects.ts'
import { VIEW_NAMES } from '../../src/projections/names.ts'
import { messageOf } from '../../src/runtime/errors.ts'
import { buildCli, type Cli, cliIn } from '../support/cli.ts'
import { type ConfiguredServer, startConfiguredServer } from '../support/cluster-server.ts'
import { sha256, trailOf } from '../support/events.ts'
import { appendAll, collect, positionsOf } from '../support/log-access.ts'
import { ensureLosingStream, loseMessage } from '../support/lossy-stream.ts'
import { until } from '../support/until.ts'
import { put } from '../support/put.ts'

const names = namesOf('team')
const passwordOf = (user: string) => `secret-of-${user}`
const users = ['admin', 'observer', 'coordinator', 'runner']
const passwords = users.map((user) => [`SWARMTRAIL_${user.toUpperCase()}_PASSWORD`, passwordOf(user)] as const)
const env = Object.fromEntries(passwords)
const answerMs = 1_000
const waitMs = 20_000

let program: string
let directory: string
let server: ConfiguredServer
let adminLink: NatsLink

beforeAll(async () => {
  program = await buildCli()
  directory = await mkdtemp(join(tmpdir(), 'swarmtrail-roles-'))
  server = await startConfiguredServer({ config: printed, env })
  const place = ['--namespace', 'team', '--nats', urlOf('admin')]
  await execa(process.execPath, [program, 'server-config', '--create', ...place])
  adminLink = await connectNats({ servers: urlOf('admin'), namespace: 'team' })
  const other = await connectNats({ servers: urlOf('admin'), namespace: 'other' })
  await makeNamespace(other, ['registry'])
  await other.close()
  await writeFile(join(directory, 'WORKFLOW.md'), WORKFLOW)
})
afterAll(async () => {
  await adminLink.close()
  await server.stop()
  await rm(directory, { recursive: true, force: true })
})

const WORKFLOW = `---
executor: {command: 'echo new > made.txt; while [ -e "$HOLD" ]; do echo working; sleep 0.05; done', protocol: exit-code}
workspace: {source: copy, root: workspaces}
output: {require_approval_before_emit: true}
---
`

async function printed(port: number, store: string): Promise<string> {
  const args = ['server-config', '--roles', '--namespace', 'team', '--listen', `127.0.0.1:${port}`]
  const { stdout } = await execa(process.execPath, [program, ...args, '--store-dir', join(store, 'store')])
  return stdout
}

function urlOf(user: string): string {
  return server.url(user, passwordOf(user))
}

/** The command line as that user. */
function as(user: string, env: Record<string, string> = {}): Cli {
  return cliIn(program, directory, {
    NATS_URL: urlOf(user),
    SWARMTRAIL_NAMESPACE: 'team',
    SWARMTRAIL_DIR: join(directory, `state-of-${user}`),
    ...env,
  })
}

async function swarmAs(user: string): Promise<ConnectedSwarm> {
  const dir = join(directory, `library-of-${user}`)
  const swarm = await connectSwarm({ servers: urlOf(user), namespace: 'team', dir })
  onTestFinished(() => swarm.close())
  return swarm
}

async function rawAs(user: string): Promise<NatsConnection> {
  const link = await connectNats({ servers: urlOf(user), namespace: 'team' })
  onTestFinished(() => link.close())
  return link.nc
}

/** A runner in a process of its own, with the runner's rights. Its sessions end when the file is removed. */
async function serve(): Promise<{ release: () => Promise<void> }> {
  const hold = join(directory, `hold-${Math.random()}`)
  await writeFile(hold, '')
  const runner = as('runner', { HOLD: hold }).start('runner')
  await runner.prints('serves namespace team')
  return { release: () => rm(hold) }
}

/** What the server says to a request; an error's text when it refuses or nobody answers. */
async function ask(nc: NatsConnection, subject: string, body = ''): Promise<string> {
  return nc.request(subject, body, { timeout: answerMs }).then((reply) => reply.string(), messageOf)
}

const counts = async () => {
  const manager = await jetstreamManager(adminLink.nc)
  const streams = await manager.streams.list().next()
  return streams
    .map(({ config, state }) => [config.name, state.messages] as const)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
}

let plantedAt = 0
/** Position of a message that the server takes for a request without content; any runner could write one. */
async function planted(): Promise<number> {
  if (plantedAt === 0) plantedAt = await put(adminLink.nc, names.event('S5', 'turn'), '{}')
  return plantedAt
}

describe('a namespace that nobody has made yet', () => {
  it('is told apart from wrong credentials', async () => {
    const empty = await startConfiguredServer({ config: printed, env })
    onTestFinished(() => empty.stop())
    const cli = as('observer', { NATS_URL: empty.url('observer', passwordOf('observer')) })
    expect(await cli.run('ps')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^error: not_authorized: nothing answers for the namespace team, .*; if there are none yet, .* server-config --create\n$/,
      ),
    })
    const elsewhere = await as('observer', { SWARMTRAIL_NAMESPACE: 'nowhere' }).run('ps')
    expect(elsewhere.stderr).toMatch(/^error: not_authorized: .*; check the credentials .*\n$/)
  })
})

describe('a session under roles', () => {
  it('is started and steered by the coordinator, served by the runner and watched by the observer', async () => {
    const [coordinator, observer] = [await swarmAs('coordinator'), await swarmAs('observer')]
    const { release } = await serve()
    for (const session_id of ['S1', 'S2'])
      expect(await coordinator.start({ task: 'try', session_id })).toMatchObject({ ok: true })
    const live = new AbortController()
    onTestFinished(() => live.abort())
    const output = observer.ports.log.followOutput('S1', live.signal)[Symbol.asyncIterator]()
    expect((await output.next()).value).toMatchObject({ stream: 'stdout', text: expect.stringContaining('working') })
    expect(await coordinator.stop('S2')).toMatchObject({ ok: true })
    expect(await coordinator.wait('S2', { timeoutMs: waitMs })).toMatchObject({ session: { status: 'stopped' } })
    const types: string[] = []
    const reading = (async () => {
      for await (const { type } of observer.events({ sessionId: 'S1', from: 'start', until: 'closed' }))
        types.push(type)
    })()
    await until('the observer has caught up', () => types.includes('turn.started'))
    await release()
    await reading
    const held = await observer.events({ sessionId: 'S1', types: ['post.held'], from: 'start' }).next()
    const postId = held.value?.type === 'post.held' ? held.value.data.post_id : ''
    expect(await coordinator.approve(postId)).toMatchObject({ ok: true })
    expect(await observer.list()).toMatchObject([{ session_id: 'S2' }, { session_id: 'S1' }])
    for (const view of VIEW_NAMES) expect((await observer.views(view)).length).toBeGreaterThan(0)
    expect(await observer.replay('S1')).toMatchObject({ phase: 'closed' })
  })

  it('is told by the command line to an observer, which makes no directory for that', async () => {
    const observer = as('observer')
    expect((await observer.run('show', 'S1')).stdout).toContain('completed')
    expect((await observer.run('logs', 'S1')).stdout).toContain('working')
    expect((await observer.run('diff', 'S1')).stdout).toContain('made.txt')
    expect((await observer.run('doctor')).stdout).toMatch(/ok +parked +none/)
    expect(existsSync(join(directory, 'state-of-observer'))).toBe(false)
  })
})

it.each(['observer', 'coordinator'] as const)('a runner of the user %s ends at once', async (role) => {
  const cli = as(role)
  await writeFile(join(cli.directory, 'served.md'), '---\nexecutor: { command: "true", protocol: exit-code }\n---\n')
  const result = await cli.run('runner', '--workflow', 'served.md')
  expect(result).toMatchObject({ code: 1, stderr: expect.stringMatching(/^error: not_authorized: .*\n$/) })
})

describe('an observer', () => {
  it('can neither start nor steer', async () => {
    const swarm = await swarmAs('observer')
    const before = await counts()
    const started = await as('observer').json('start', 'task')
    expect(started).toMatchObject({ code: 1, values: [{ error: { code: 'not_authorized' } }] })
    const trail = trailOf('S6')
    const admins = await swarmAs('admin')
    await admins.ports.log.append(trail.next(), 0)
    await expect(swarm.stop('S6')).rejects.toMatchObject({ code: 'not_authorized' })
    expect(await counts()).toEqual(before.map(([name, count]) => [name, name === names.stream ? count + 1 : count]))
  })

  it('can publish no event, view or lease, and hears nothing but what is live', async () => {
    const nc = await rawAs('observer')
    const before = await counts()
    for (const subject of [
      names.event('S9', 'start'),
      names.event('S9', 'turn'),
      `$KV.${names.viewBucket('registry')}.S1`,
      `$KV.${names.leaseBucket}.S1`,
      names.output('S1', 'stdout'),
    ])
      expect(await ask(nc, subject, '{}')).toMatch(/permissions violation/i)
    for (const subject of ['>', names.allEvents, '_INBOX.>', '_INBOX_runner.>', '$JS.>']) {
      const refused = new Promise<string>((resolve) => {
        nc.subscribe(subject, {
          callback: (error) => {
            if (error !== null) resolve(error.message)
          },
        })
      })
      expect(await refused).toMatch(/permissions violation/i)
    }
    expect(await counts()).toEqual(before)
  })
})

describe('a log that has lost its last event', () => {
  it('is read by an observer all the same; that all of it is lost, only the administrator is told', async () => {
    const own = await startConfiguredServer({ config: printed, env })
    onTestFinished(own.stop)
    const linkAs = async (user: string) => {
      const link = await connectNats({ servers: own.url(user, passwordOf(user)), namespace: 'team' })
      onTestFinished(() => link.close())
      return { link, log: natsEventLog(link, link.names, sha256) }
    }
    const admin = await linkAs('admin')
    await ensureLosingStream(admin.link)
    const observer = await linkAs('observer')
    expect(await observer.log.head()).toBe(0)
    await appendAll(admin.log, trailOf('S1').events(3))
    await loseMessage(admin.link, 3)
    expect(await observer.log.head()).toBe(3)
    expect(positionsOf(await collect(observer.log, { after: 0, once: true }))).toEqual([1, 2])
    for (const position of [1, 2]) await loseMessage(admin.link, position)
    expect(await collect(observer.log, { after: 0, once: true })).toEqual([{ kind: 'caught_up', position: 0 }])
    expect(await admin.log.head()).toBe(3)
  })
})

describe('a coordinator', () => {
  it("can't forge what a runner records", async () => {
    const swarm = await swarmAs('coordinator')
    const trail = trailOf('S8')
    const position = await swarm.ports.log.append(trail.next(), 0)
    const before = await counts()
    for (const noun of ['turn', 'session', 'hook', 'checks', 'workspace', 'post', 'tool'])
      expect(await ask(await rawAs('coordinator'), names.event('S8', noun), '{}')).toMatch(/permissions violation/i)
    const forged = { ...trail.next(), type: 'session.closed' } as Parameters<typeof swarm.ports.log.append>[0]
    await expect(swarm.ports.log.append(forged, position)).rejects.toMatchObject({ code: 'not_authorized' })
    expect(await counts()).toEqual(before)
    expect(await swarm.stop('S8')).toMatchObject({ ok: true })
  })
})

describe('nobody but the administrator', () => {
  const streams = [names.stream, `OBJ_${names.artifactBucket}`, `KV_${names.leaseBucket}`]
  const attempts = streams.flatMap((stream) => [
    [`$JS.API.STREAM.DELETE.${stream}`, ''],
    [`$JS.API.STREAM.PURGE.${stream}`, ''],
    [`$JS.API.STREAM.MSG.DELETE.${stream}`, '{"seq":1}'],
    [`$JS.API.STREAM.UPDATE.${stream}`, `{"name":"${stream}","max_msgs":1}`],
    [`$JS.API.STREAM.CREATE.mine`, '{"name":"mine","subjects":["mine"]}'],
    [`$JS.API.CONSUMER.CREATE.${stream}`, `{"stream_name":"${stream}","config":{"deliver_subject":"x"}}`],
    [`$JS.API.CONSUMER.CREATE.${stream}.c`, `{"stream_name":"${stream}","config":{"name":"c"}}`],
    [`$JS.API.CONSUMER.DURABLE.CREATE.${stream}.c`, `{"stream_name":"${stream}","config":{"durable_name":"c"}}`],
  ])

  it.each(['observer', 'coordinator', 'runner'])('can change or delete streams or make consumers: %s', async (user) => {
    const nc = await rawAs(user)
    const before = await counts()
    for (const [subject = '', body] of attempts)
      expect(`${subject}: ${await ask(nc, subject, body)}`).toMatch(/permissions violation/i)
    expect(await counts()).toEqual(before)
  })

  // The server answers to any reply subject with its own rights, whatever the asking user may publish. Inside the
  // account of the streams that would delete one, which is why each role has an account of its own.
  it.each(['observer', 'coordinator', 'runner'])('can do so by where an answer goes: %s', async (user) => {
    const nc = await rawAs(user)
    await planted()
    const before = await counts()
    const readable = [`$JS.API.DIRECT.GET.${names.stream}`, `$JS.swarm.API.STREAM.MSG.GET.${names.stream}`]
    const targets = [
      `$JS.API.STREAM.DELETE.KV_${names.viewBucket('ledger')}`,
      `$JS.API.STREAM.PURGE.OBJ_${names.artifactBucket}`,
      `$JS.API.STREAM.DELETE.SWARM_other`,
      'swarm.other.event.S1.turn',
      ...(user === 'runner' ? [] : [names.event('S1', 'turn'), `$KV.${names.leaseBucket}.S1`]),
    ]
    const request = JSON.stringify({ seq: await planted() })
    for (const subject of readable) for (const reply of targets) nc.publish(subject, request, { reply })
    if (user === 'coordinator') nc.publish(names.event('S7', 'approval'), '{}', { reply: targets[0] ?? '' })
    await nc.flush()
    await until('the requests are done', async () => (await ask(nc, readable[0] ?? '', '{"seq":1}')) !== '')
    // All that a coordinator's own request has done.
    const added = user === 'coordinator' ? 1 : 0
    expect(await counts()).toEqual(before.map(([name, count]) => [name, name === names.stream ? count + added : count]))
  })

  it('would be kept from it by permissions alone', async () => {
    const manager = await jetstreamManager(adminLink.nc)
    await manager.streams.add({ name: 'victim', subjects: ['victim'] })
    const request = JSON.stringify({ seq: await planted() })
    const reply = '$JS.API.STREAM.DELETE.victim'
    adminLink.nc.publish(`$JS.API.DIRECT.GET.${names.stream}`, request, { reply })
    const gone = async () => (await counts()).every(([name]) => name !== 'victim')
    await until('the stream is gone', gone)
    expect(await gone()).toBe(true)
  })

  it('reaches another namespace', async () => {
    const nc = await rawAs('runner')
    const other = namesOf('other')
    for (const subject of [
      other.event('S1', 'start'),
      `$JS.API.DIRECT.GET.${other.stream}`,
      `$JS.API.STREAM.MSG.GET.${other.stream}`,
      `$KV.${other.leaseBucket}.S1`,
      `$O.${other.artifactBucket}.M.x`,
    ])
      expect(`${subject}: ${await ask(nc, subject, '{"seq":1}')}`).toMatch(/permissions violation/i)
    const { code, values } = await as('runner').json('ps', '--namespace', 'other')
    expect([code, values]).toMatchObject([1, [{ error: { code: 'not_authorized' } }]])
  })

  it('can roll up the log: a runner appends, and what was there stays', async () => {
    const nc = await rawAs('runner')
    const rollup = headers()
    rollup.set('Nats-Rollup', 'all')
    const before = await counts()
    const reply = await nc.request(names.event('S1', 'turn'), '{}', { headers: rollup, timeout: answerMs })
    expect(reply.string()).toContain('error')
    expect(await counts()).toEqual(before)
  })
})
