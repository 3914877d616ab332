/** What all benchmarks share: throw-away durable servers, the bare NATS client beside ours, medians, one JSON line. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { cpus, release, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { resolveServerBinary } from '../dist/adapters/nats/server-binary.js'
import { connectSwarm, openEmbeddedSwarm } from '../dist/index.js'

/** `--quick` shrinks every size, to see that a script works; its figures mean nothing. */
export const quick = process.argv.includes('--quick')
export const size = (full, small) => (quick ? small : full)

const RETRY_MS = 20
const READY_TRIES_MAX = 1_500

/** A directory that is gone afterwards, whatever happened. */
export async function withDirectory(work) {
  const dir = mkdtempSync(join(tmpdir(), 'swarmtrail-bench-'))
  try {
    return await work(dir)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/** The embedded server (fsync before acknowledgement) of a directory of its own, ours and a bare client on it. */
export function withServer(work) {
  return withDirectory((dir) => onEmbedded(dir, work))
}

/** As `withServer`, on a log that was filled before the measuring by a server that doesn't wait for the disk. */
export function withFilledServer(fill, work) {
  return withDirectory(async (dir) => {
    const filled = await withQuickServer(join(dir, '.swarmtrail', 'nats'), (given) => fill({ ...given, dir }))
    return onEmbedded(dir, (given) => work({ ...given, filled }))
  })
}

async function onEmbedded(dir, work) {
  const swarm = await openEmbeddedSwarm({ dir: join(dir, '.swarmtrail') })
  const { url, user, password, pid } = JSON.parse(readFileSync(join(dir, '.swarmtrail', 'server.json'), 'utf8'))
  const nc = await connect({ servers: url, user, pass: password })
  try {
    return await work({ dir, swarm, nc, serverPid: pid, server: { url, user, password } })
  } finally {
    await nc.close()
    await swarm.close()
  }
}

async function withQuickServer(storeDir, work) {
  mkdirSync(storeDir, { recursive: true })
  const port = await freePort()
  const config = join(storeDir, '..', 'fill.conf')
  const limits = { max_payload: 2 * 1024 * 1024, jetstream: { store_dir: storeDir } }
  writeFileSync(config, JSON.stringify({ host: '127.0.0.1', port, ...limits }))
  const { path } = await resolveServerBinary()
  const server = spawn(path, ['-c', config], { stdio: 'ignore' })
  const ended = once(server, 'exit')
  try {
    const swarm = await connected(`nats://127.0.0.1:${port}`, join(storeDir, '..'))
    const nc = await connect({ port })
    const result = await work({ swarm, nc })
    await nc.close()
    await swarm.close()
    return result
  } finally {
    server.kill('SIGTERM')
    await ended
  }
}

async function connected(servers, dir) {
  for (let tries = 1; ; tries++) {
    try {
      return await connectSwarm({ servers, dir })
    } catch (error) {
      if (error.code !== 'log_unreachable' || tries === READY_TRIES_MAX) throw error
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** A stream like ours, for the bare side: file storage, one replica, republished, nothing else. */
export async function bareStream(nc, name) {
  const manager = await jetstreamManager(nc)
  await manager.streams.add({
    name,
    subjects: [`${name}.event.>`],
    allow_direct: true,
    deny_delete: true,
    deny_purge: true,
    republish: { src: `${name}.event.>`, dest: `${name}.live.>` },
  })
  return { js: jetstream(nc), manager, subject: (trail, noun = 'turn') => `${name}.event.${trail}.${noun}` }
}

/** Reads a whole stream with the client's ordered consumer; the bodies are touched and thrown away. */
export async function readBare(nc, stream, filter, touch = () => undefined) {
  const consumer = await jetstream(nc).consumers.get(stream, filter === undefined ? {} : { filter_subjects: filter })
  const { num_pending: pending } = await consumer.info()
  let events = 0
  let bytes = 0
  const messages = await consumer.consume({ max_messages: 1_000, expires: 5_000, idle_heartbeat: 1_000 })
  for await (const { data } of messages) {
    bytes += data.length
    touch(data)
    if (++events === pending) break
  }
  return { events, bytes }
}

export function percentile(values, fraction) {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))]
}
export const median = (values) => percentile(values, 0.5)

/** Milliseconds that the work took. */
export async function timed(work) {
  const began = performance.now()
  await work()
  return performance.now() - began
}

/** Items per second of work that handles `count` of them. */
export async function rate(count, work) {
  return (count / (await timed(work))) * 1000
}

/** Does the work `count` times, `window` at a time. */
export async function inWindow(count, window, work) {
  let next = 0
  const worker = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: Math.min(window, count) }, worker))
}

/**
 * Prints the one JSON line of a benchmark: `bar` is what was promised (`atMost` or `atLeast` with its unit), `value`
 * what came out. Figures are rounded to what can be told apart. Without a limit the line only reports.
 */
export function report(bench, { what, bare, limit, value, unit, ...figures }) {
  const sign = limit?.atMost === undefined ? '>=' : '<='
  const bound = limit?.atMost ?? limit?.atLeast
  const bar = limit === undefined ? 'report' : `${sign} ${bound}${unit}`
  const pass = limit === undefined ? null : sign === '<=' ? value <= bound : value >= bound
  console.log(
    JSON.stringify({
      bench,
      what,
      bare,
      bar,
      value: `${rounded(value)}${unit}`,
      pass,
      ...roundDeep(figures),
      machine: machine(),
    }),
  )
}

const rounded = (value) => Number(value.toPrecision(3))

function roundDeep(value) {
  if (typeof value === 'number') return Number.isInteger(value) ? value : Number(value.toPrecision(4))
  if (Array.isArray(value)) return value.map(roundDeep)
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, roundDeep(inner)]))
  return value
}

export function machine() {
  const gib = Math.round(totalmem() / 2 ** 30)
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memory_gib: gib,
    node: process.version,
    kernel: release(),
  }
}

/** Runs a script's work; a fault is its exit status. */
export async function main(work) {
  try {
    await work()
    process.exit(0)
  } catch (error) {
    console.error(error)
    process.exit(1)
  }
}
