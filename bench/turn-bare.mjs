/**
 * A program of its own: what is left of a turn in a program that validates, hashes, decides and expects nothing. Either
 * only its process and the three publishes that are waited for, or also its files and the publish that is not waited for.
 * Prints both, beyond a spawn, and its own spawn and publish, as medians in ms.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from '@nats-io/transport-node'
import { jetstream } from '@nats-io/jetstream'
import { median, timed } from './harness.mjs'
import { spawnBare } from './spawn-bare.mjs'

const PROMPT_BYTES = 300
const REQUEST_BYTES = 2_000

const { server, subject, bytes, dir, command, turns } = JSON.parse(process.argv[2])
const nc = await connect({ servers: server.url, user: server.user, pass: server.password })
const js = jetstream(nc)
const body = Buffer.alloc(bytes, 'x')
const publish = () => js.publish(subject, body)
const response = join(dir, 'response.json')
const env = { ...process.env, ACE_RUNTIME_TURN_NUMBER: '1', ACE_RUNTIME_RESPONSE_FILE: response }

async function publishesOnly() {
  await publish()
  await spawnBare(command, env)
  await publish()
  await publish()
}

async function wholeTurn(number) {
  const directory = join(dir, `turn-${number}`)
  mkdirSync(directory)
  writeFileSync(join(directory, 'prompt.md'), 'x'.repeat(PROMPT_BYTES))
  writeFileSync(join(directory, 'request.json'), 'x'.repeat(REQUEST_BYTES))
  await publish()
  const running = spawnBare(command, env)
  const spawned = publish()
  await Promise.all([running, spawned])
  readFileSync(response)
  await publish()
  await publish()
}

async function medianOf(work) {
  const times = []
  for (let number = 0; number < turns; number++) times.push(await timed(() => work(number)))
  return median(times)
}

const spawnMs = await medianOf(() => spawnBare(command, env))
const publishMs = await medianOf(publish)
const publishesMs = (await medianOf(publishesOnly)) - spawnMs
const turnMs = (await medianOf(wholeTurn)) - spawnMs
await nc.close()
process.stdout.write(
  JSON.stringify({ spawn_ms: spawnMs, publish_ms: publishMs, publishes_ms: publishesMs, turn_ms: turnMs }),
)
