/** Three servers with three copies of everything, and the leader of the log killed while a session runs. */
import { jetstreamManager } from '@nats-io/jetstream'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { connectNats } from '../../src/adapters/nats/connection.ts'
import { makeNamespace } from '../../src/adapters/nats/namespace-streams.ts'
import { VIEW_NAMES } from '../../src/projections/names.ts'
import { isSwarmError } from '../../src/runtime/errors.ts'
import { buildCli, linesOf } from '../support/cli.ts'
import { startCluster } from '../support/cluster-server.ts'
import { killed, openPlace } from '../support/faults.ts'
import { allOf, only } from '../support/session-trail.ts'
import { until } from '../support/until.ts'

const electionMs = 20_000
const turns = 8
const TURN = `
touch "$AT/turn-$ACE_RUNTIME_TURN_NUMBER"
if [ "$ACE_RUNTIME_TURN_NUMBER" -lt ${turns} ]; then answer '{"status": "continue", "summary": "some"}'
else answer '{"status": "done", "summary": "all done"}'; fi`

let program: string
beforeAll(async () => {
  program = await buildCli()
})

describe('a cluster that loses the leader of the log', () => {
  it('loses and doubles no acknowledged event, and the session completes', { timeout: 90_000 }, async () => {
    const cluster = await startCluster()
    onTestFinished(cluster.stop)
    const namespace = 'cluster'
    const link = await connectNats({ servers: cluster.url, namespace })
    onTestFinished(() => link.close())
    await until(
      'the streams are there',
      () => made(() => makeNamespace(link, ['registry'], { replicas: 3 })),
      electionMs,
    )
    const config = { executor: { command: '. "$AT/library.sh"; . "$AT/turn.sh"', max_turns: turns } }
    const place = await openPlace({
      program,
      url: cluster.url,
      turn: TURN,
      config,
      namespace,
      args: ['--replicas', '3'],
    })
    const runner = await place.runner('--json')
    await place.start('S1')
    await place.reached('turn-2')
    const manager = await jetstreamManager(link.nc)
    const { config: stream, cluster: state } = await manager.streams.info(link.names.stream)
    expect(stream.num_replicas).toBe(3)
    const leader = cluster.servers[Number(state?.leader?.slice(1))]
    if (leader === undefined) throw new Error(`no server ${state?.leader}`)
    await leader.kill()
    await place.next('S1', 'session.closed')
    const events = await place.events('S1')
    expect(only(events, 'session.completed').data).toMatchObject({ reason_code: 'done' })
    expect(allOf(events, 'turn.exited').map(({ data }) => data.turn_number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    await leader.restart()
    await killed(runner, 'SIGTERM')
    // What the runner tells is what was acknowledged to it.
    const acknowledged = linesOf(runner.stdout) as { id: string; position: number }[]
    const stored = events
      .filter(({ source }) => source.startsWith('runner/'))
      .map(({ id, position }) => ({ id, position }))
    expect(acknowledged.map(({ id, position }) => ({ id, position }))).toEqual(stored)
    // Each view is a stream of its own, whose servers elect a leader of their own when one of them comes back.
    const readable = () => Promise.all(VIEW_NAMES.map((view) => place.swarm.views(view)))
    await until('every view has a leader', () => made(readable), electionMs)
    await place.allIsTrue()
  })
})

async function made(make: () => Promise<unknown>): Promise<boolean> {
  try {
    await make()
    return true
  } catch (error) {
    if (isSwarmError(error, 'log_unreachable')) return false
    throw error
  }
}
