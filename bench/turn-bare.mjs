/**
 * A program of its own: what is left of a turn in a program that validates, hashes, decides and expects nothing. Only its
 * process and the three publishes that are waited for; or its files and the publish that is not waited for too; or also
 * the request as an artifact, two messages that are stored before anything follows from them. Prints all three, beyond a
 * spawn, and its own spawn and publish, as medians in ms.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from '@nats-io/transport-node'
import { jetstream } from '@nats-io/jetstream'
import { median, timed } from './harness.mjs'
import { spawnBare } from './spawn-bare.mjs'

const PROMPT_BYTES = 300
const REQUEST_BYTES = 9_400
const ARTIFACT_HEAD_BYTES = 300

const { server, subject, artifacts, bytes, dir, command, turns } = JSON.parse(process.argv[2])
const nc = await connect({ servers: server.url, user: server.user, pass: server.password })
const js = jetstream(nc)
const body = Buffer.alloc(bytes, 'x')
const head = Buffer.alloc(ARTIFACT_HEAD_BYTES, 'x')
const request = Buffer.alloc(REQUEST_BYTES, 'x')
const publish = () => js.publish(subject, body)
const response = join(dir, 'response.json')
const env = { ...process.env, ACE_RUNTIME_TURN_NUMBER: '1', ACE_RUNTIME_RESPONSE_FILE: response }

async function publishesOnly() {
  await publish()
  await spawnBare(command, env)
  await publish()
  await publish()
}

async function withFiles(directory, upload = () => []) {
  mkdirSync(directory)
  writeFileSync(join(directory, 'prompt.md'), 'x'.repeat(PROMPT_BYTES))
  writeFileSync(join(directory, 'request.json'), request)
  const uploads = upload()
  await publish()
  const running = spawnBare(command, env)
  const spawned = publish()
  await Promise.all([running, spawned, ...uploads])
  readFileSync(response)
  await publish()
  await publish()
}

const withArtifact = (directory) =>
  withFiles(directory, () => [js.publish(artifacts, request), js.publish(artifacts, head)])

async function medianOf(name, work) {
  const times = []
  for (let number = 0; number < turns; number++) times.push(await timed(() => work(join(dir, `${name}-${number}`))))
  return median(times)
}

const spawnMs = await medianOf('spawn', () => spawnBare(command, env))
const publishMs = await medianOf('publish', publish)
const publishesMs = (await medianOf('publishes', publishesOnly)) - spawnMs
const filesMs = (await medianOf('files', (directory) => withFiles(directory))) - spawnMs
const artifactMs = (await medianOf('artifact', withArtifact)) - spawnMs
await nc.close()
process.stdout.write(
  JSON.stringify({
    spawn_ms: spawnMs,
    publish_ms: publishMs,
    publishes_ms: publishesMs,
    files_ms: filesMs,
    artifact_ms: artifactMs,
  }),
)
