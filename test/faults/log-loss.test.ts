/** The log goes away: killed servers, a store that takes nothing more, a full disk. What was acknowledged stays. */
import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { inspectEmbeddedServer } from '../../src/adapters/nats/embedded-server.ts'
import { isSwarmError, messageOf } from '../../src/runtime/errors.ts'
import { buildCli, cliIn, linesOf } from '../support/cli.ts'
import { type ConfiguredServer, startConfiguredServer } from '../support/cluster-server.ts'
import { killed, openPlace, type Place } from '../support/faults.ts'
import { trailOf } from '../support/events.ts'
import { startTestServer } from '../support/nats-server.ts'
import { isAlive } from '../support/processes.ts'
import { allOf, only } from '../support/session-trail.ts'
import { until } from '../support/until.ts'

const longTestMs = 60_000
const [MOUNT, UNMOUNT] = ['mount', 'umount']
const STUCK_ONCE = `stick "$ACE_RUNTIME_TASK"\nanswer '{"status": "done", "summary": "all done"}'; touch "$AT/finished"`

let program: string
beforeAll(async () => {
  program = await buildCli()
})

async function temporary(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'swarmtrail-loss-'))
  onTestFinished(() => rm(path, { recursive: true, force: true, maxRetries: 5 }))
  return path
}

describe('while the log can not be reached', () => {
  it('a running turn goes on within its budget, commands say so at once, and the end is recorded later', async () => {
    const server = await startTestServer()
    onTestFinished(server.stop)
    const config = { liveness: { stall_window_ms: 0 } }
    const place = await openPlace({ program, url: server.url, turn: STUCK_ONCE, config, args: ['--capacity', '2'] })
    await place.start('goes-on')
    const late = await place.swarm.start({ task: 'too-long', session_id: 'too-long', turn_timeout_ms: 2_000 })
    expect(late.ok).toBe(true)
    const runner = await place.runner()
    await place.reached('pid-goes-on-goes-on')
    await place.reached('pid-too-long-too-long')
    await server.kill()
    await until('the loss is noticed', () => !place.swarm.ports.log.reachable())
    await expect(place.swarm.start({ task: 'x' })).rejects.toMatchObject({ code: 'log_unreachable', retryable: true })
    await expect(place.swarm.stop('goes-on')).rejects.toMatchObject({ code: 'log_unreachable' })
    const said = await place.cli.json('ps')
    expect(said).toMatchObject({ code: 69, values: [{ error: { code: 'log_unreachable' } }] })
    const [overdue] = (await place.lines('pid-too-long-too-long')).map(Number)
    await until('the turn past its budget is ended', () => !isAlive(overdue ?? 0))
    await place.touch('go')
    await place.reached('finished')
    await server.restart()
    await place.next('goes-on', 'session.closed')
    await place.next('too-long', 'session.closed')
    const events = await place.events('goes-on')
    expect(only(events, 'turn.exited').data).toMatchObject({ turn_number: 1, exit_code: 0 })
    expect(only(events, 'session.completed').data).toMatchObject({ reason_code: 'done' })
    expect(only(events, 'session.claimed').data).toMatchObject({ epoch: 1 })
    expect(allOf(await place.events('too-long'), 'turn.timed_out')).toHaveLength(1)
    await killed(runner, 'SIGTERM')
    await place.allIsTrue()
  })
})

describe('the embedded server killed in the middle of a turn', () => {
  it('is started again by the command that uses it, and the session completes', async () => {
    const directory = await temporary()
    const cli = cliIn(program, directory, { GO: join(directory, 'go') })
    const command = 'while [ -d "$PWD" ] && [ ! -e "$GO" ]; do sleep 0.05; done; echo finished'
    const options = ['--protocol', 'exit-code', '--session-id', 'S1', '--json']
    const running = cli.start('run', 'task', '--command', command, ...options)
    await running.prints('turn.spawned')
    const dir = join(directory, '.swarmtrail')
    const pid = (await inspectEmbeddedServer(dir))?.pid ?? 0
    process.kill(pid, 'SIGKILL')
    await until('another server runs', async () => ((await inspectEmbeddedServer(dir))?.pid ?? pid) !== pid)
    writeFileSync(join(directory, 'go'), '')
    const { code, stdout } = await running.ended
    expect(code).toBe(0)
    const printed = linesOf(stdout) as { id?: string; type?: string; position?: number }[]
    const events = printed.filter(({ type }) => type !== undefined)
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length)
    expect(events.map(({ position }) => position)).toEqual(events.map((_, index) => index + 1))
    expect(events.filter(({ type }) => type === 'turn.started')).toHaveLength(1)
    expect((await cli.json('verify')).values).toMatchObject([{ ok: true, sessions: [{ events: events.length }] }])
  })
})

describe('the embedded server whose files are lost', () => {
  it('is ended before another one writes to its store: nothing acknowledged is lost, and the runner goes on', async () => {
    const directory = await temporary()
    const workflow = 'executor: { command: "true", protocol: exit-code }\nworkspace: { source: empty }'
    writeFileSync(join(directory, 'WORKFLOW.md'), `---\n${workflow}\n---\n{{ task }}`)
    const cli = cliIn(program, directory)
    const dir = join(directory, '.swarmtrail')
    await cli.run('up')
    const first = (await inspectEmbeddedServer(dir))?.pid ?? 0
    const runner = cli.start('runner')
    const served = async (id: string) => {
      expect(await cli.run('start', 'task', '--session-id', id)).toMatchObject({ code: 0 })
      expect(await cli.run('wait', id, '--timeout-ms', '20000')).toMatchObject({ code: 0 })
    }
    await served('X1')
    await rm(join(dir, 'server.json'), { force: true })
    await served('X2')
    expect(isAlive(first)).toBe(false)
    await killed(runner, 'SIGTERM')
    const sessions = [{ session_id: 'X1' }, { session_id: 'X2' }]
    expect((await cli.json('verify')).values).toMatchObject([{ ok: true, sessions }])
    expect((await cli.run('down')).stdout).toContain('the server is stopped')
  })
})

describe('a store that takes nothing more', () => {
  it(
    'refuses clearly by its own limit, loses nothing, and goes on when the limit is raised',
    async () => {
      let limitBytes = 160_000
      const server = await limited(() => `max_file_store: ${limitBytes}`)
      const place = await openPlace({ program, url: urlOf(server), turn: STUCK_ONCE })
      const { runner, accepted } = await fillWhileServed(place)
      const refused = await place.cli.json(
        'start',
        'one too many',
        '--context',
        JSON.stringify({ filler: 'x'.repeat(40_000) }),
      )
      expect(refused).toMatchObject({ code: 69, values: [{ error: { code: 'log_unreachable' } }] })
      expect(refused.stderr).toContain('insufficient resources')
      limitBytes = 1_000_000_000
      await goesOn(place, server, accepted)
      await killed(runner, 'SIGTERM')
      await place.allIsTrue()
    },
    longTestMs,
  )

  it(
    'because the disk is full: says that no answer came, loses nothing, and goes on after a restart',
    async () => {
      const disk = await smallDisk()
      if (disk === null) {
        process.stderr.write('no small file system can be mounted here; only the limit of the store was tested\n')
        return
      }
      const server = await limited(() => '', disk)
      const place = await openPlace({ program, url: urlOf(server), turn: STUCK_ONCE })
      await place.start('served')
      const runner = await place.runner()
      await place.reached('pid-served-served')
      const filler = join(disk, 'filler')
      await promisify(execFile)('dd', ['if=/dev/zero', `of=${filler}`, 'bs=4k']).then(() => undefined, isFull)
      // Larger than what may be left of the last page.
      const event = { ...trailOf('refused').next(), traceparent: 'x'.repeat(16_000) }
      const refused = place.swarm.ports.log.append(event, 0)
      const fault = { code: 'append_outcome_unknown', message: expect.stringContaining('its disk may be full') }
      await expect(refused).rejects.toMatchObject(fault)
      await rm(filler)
      await goesOn(place, server, ['served'])
      await killed(runner, 'SIGTERM')
      await place.allIsTrue()
    },
    longTestMs,
  )
})

function urlOf(server: ConfiguredServer): string {
  return server.url('test', 'password')
}

/** A server with a limited store; the limit is read anew at each start. */
async function limited(limit: () => string, storeDir?: string): Promise<ConfiguredServer> {
  const config = (port: number, directory: string) => `
    listen: "127.0.0.1:${port}"
    jetstream { store_dir: ${JSON.stringify(storeDir ?? join(directory, 'store'))}, sync_interval: always, ${limit()} }
    authorization { user: test, password: "password" }`
  const server = await startConfiguredServer({ config })
  onTestFinished(server.stop)
  return server
}

/** One session in the middle of its turn, and others started until the store refuses. */
async function fillWhileServed(place: Place) {
  await place.start('served')
  const runner = await place.runner('--capacity', '1')
  await place.reached('pid-served-served')
  const accepted = ['served']
  let refusal: unknown = null
  while (refusal === null) {
    const session_id = `filler-${accepted.length}`
    try {
      const result = await place.swarm.start({ task: 'filler', session_id, context: { filler: 'x'.repeat(40_000) } })
      if (result.ok) accepted.push(session_id)
    } catch (error) {
      refusal = error
    }
  }
  expect(isSwarmError(refusal, 'log_unreachable') && messageOf(refusal)).toContain('insufficient resources')
  return { runner, accepted }
}

async function goesOn(place: Place, server: ConfiguredServer, accepted: readonly string[]): Promise<void> {
  await place.touch('go')
  await place.reached('finished')
  await server.kill()
  await server.restart()
  for (const id of accepted) await place.next(id, 'session.closed')
  const events = await place.events('served')
  expect(only(events, 'turn.exited').data).toMatchObject({ turn_number: 1, exit_code: 0 })
  expect(only(events, 'session.completed').data).toMatchObject({ reason_code: 'done' })
  expect((await place.swarm.list()).map((record) => record.session_id).toSorted()).toEqual([...accepted].toSorted())
}

/** A file system of 16 MiB of one's own; null where this user may not mount any. */
async function smallDisk(): Promise<string | null> {
  const path = join(await temporary(), 'disk')
  mkdirSync(path)
  try {
    execFileSync(MOUNT, ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', path], { stdio: 'pipe' })
  } catch (error) {
    if (/permi|superuser|ENOENT/i.test(messageOf(error))) return null
    throw error
  }
  onTestFinished(() => void execFileSync(UNMOUNT, ['-l', path]))
  return path
}

function isFull(error: unknown): void {
  if (!/No space left/.test(messageOf(error))) throw error
}
