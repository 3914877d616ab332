/**
 * One turn of a session: its time beyond a bare spawn of the same command, counted in bare publishes. And whether a
 * turn gets dearer as its session grows: the last hundred of two thousand against the first.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { continueUntil, workflowOf } from './fill.mjs'
import { bareStream, main, median, percentile, report, size, timed, withServer } from './harness.mjs'
import { server } from './serve.mjs'
import { spawnBare } from './spawn-bare.mjs'

const ROUNDS = size(5, 1)
const TURNS = size(100, 4)
const LONG_TURNS = size(2_000, 20)
const PART = size(100, 5)
const EVENT_BYTES = 1_200
const BARE_TURN = fileURLToPath(new URL('turn-bare.mjs', import.meta.url))

await main(() =>
  withServer(async (given) => {
    const { rounds, perTurn } = await turns(given)
    // Alone: after a spawn it takes twice that, as memory is copied which a fork left shared, and a turn pays none of it.
    const value = median(rounds.map((round) => round.beyond_spawn_ms / round.publish_alone_ms))
    report('turn', {
      what: 'one turn beyond a bare spawn',
      bare: 'JetStream publishes of 1.2 KB',
      limit: { atMost: 6 },
      value,
      unit: ' publishes',
      ours: `${median(rounds.map((round) => round.beyond_spawn_ms)).toFixed(2)} ms`,
      theirs: `${median(rounds.map((round) => round.publish_alone_ms)).toFixed(3)} ms a publish`,
      // What a program takes that makes the same publishes about the same process and does nothing else; its files too;
      // and its artifact too, which is all that a turn writes.
      floor: median(rounds.map(({ bare }) => bare.publishes_ms / bare.publish_ms)),
      floor_with_files: median(rounds.map(({ bare }) => bare.files_ms / bare.publish_ms)),
      floor_with_artifact: median(rounds.map(({ bare }) => bare.artifact_ms / bare.publish_ms)),
      publishes_between_spawns: median(rounds.map((round) => round.beyond_spawn_ms / round.publish_ms)),
      appends_per_turn: perTurn,
      appends_waited_for: perTurn.filter((type) => type !== 'turn.spawned').length,
      peers:
        'a durable step over its spawn: OpenWorkflow 1.19 ms, Restate 1.43 ms, DBOS 1.63 ms (published here earlier)',
      rounds,
    })
    await longSession(given)
  }),
)

async function turns({ swarm, nc, dir, server: where }) {
  const stream = await bareStream(nc, 'BARE')
  const artifacts = (await bareStream(nc, 'ARTIFACTS')).subject('t')
  const body = Buffer.alloc(EVENT_BYTES, 'x')
  const command = continueUntil(TURNS)
  const ours = await server(swarm, dir, workflowOf(command, { maxTurns: TURNS }))
  await ours.run()
  const rounds = []
  let perTurn = []
  for (let round = 0; round < ROUNDS; round++) {
    const publishes = []
    const alone = []
    const spawns = []
    const publish = () => timed(() => stream.js.publish(stream.subject('t'), body))
    const bare = async () => {
      for (let i = 0; i < TURNS / 2; i++) {
        publishes.push(await publish())
        spawns.push(await spawnBare(bareCommand(dir, command)))
      }
      for (let i = 0; i < TURNS / 2; i++) alone.push(await publish())
    }
    await bare()
    const { events } = await ours.run()
    await bare()
    const floor = await bareTurns({ server: where, subject: stream.subject('t'), artifacts, dir, command })
    const times = turnTimes(events)
    perTurn = typesOfTurn(events, 2)
    rounds.push({
      turn_p50_ms: median(times),
      turn_p99_ms: percentile(times, 0.99),
      spawn_ms: median(spawns),
      publish_ms: median(publishes),
      publish_alone_ms: median(alone),
      beyond_spawn_ms: median(times) - median(spawns),
      bare: floor,
    })
  }
  await ours.close()
  return { rounds, perTurn }
}

async function longSession({ swarm, dir }) {
  const ours = await server(swarm, dir, workflowOf(continueUntil(LONG_TURNS), { maxTurns: LONG_TURNS }))
  const { events } = await ours.run()
  await ours.close()
  const times = turnTimes(events)
  const first = median(times.slice(0, PART))
  const last = median(times.slice(-PART))
  report('long-session', {
    what: `turns: last ${PART} of ${LONG_TURNS}`,
    bare: `first ${PART}`,
    limit: { atMost: 1.2 },
    value: last / first,
    unit: 'x',
    ours: `${last.toFixed(2)} ms`,
    theirs: `${first.toFixed(2)} ms`,
    growth: {
      along: 'turns in one session',
      figure: 'ms a turn, its process included',
      points: [
        [PART, first],
        [LONG_TURNS, last],
      ],
    },
  })
}

async function bareTurns(given) {
  const dir = mkdtempSync(join(given.dir, 'bare-'))
  const asked = JSON.stringify({ ...given, dir, bytes: EVENT_BYTES, turns: TURNS })
  const { stdout } = await promisify(execFile)(process.execPath, [BARE_TURN, asked])
  return JSON.parse(stdout)
}

/** The same command with the variables it reads, outside any session. */
function bareCommand(dir, command) {
  return `ACE_RUNTIME_TURN_NUMBER=1; ACE_RUNTIME_RESPONSE_FILE=${dir}/bare.json; ${command}`
}

/** From one turn's last event to the next one's. */
function turnTimes(events) {
  const ends = events.filter(({ type }) => type === 'turn.completed').map(({ at }) => at)
  return ends.slice(1).map((at, index) => at - ends[index])
}

function typesOfTurn(events, number) {
  return events.filter(({ event }) => event.data.turn_number === number).map(({ type }) => type)
}
