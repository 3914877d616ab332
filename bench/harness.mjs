/** What all benchmarks share: a throw-away durable server, the bare NATS client beside ours, medians, one JSON line. */
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { openEmbeddedSwarm } from '../dist/index.js'

/** Opens the embedded server (fsync before acknowledgement) in a directory of its own, runs the work, leaves nothing. */
export async function withServer(work) {
  const dir = mkdtempSync(join(tmpdir(), 'swarmtrail-bench-'))
  const swarm = await openEmbeddedSwarm({ dir: join(dir, '.swarmtrail') })
  const { url, user, password, pid } = await serverOf(join(dir, '.swarmtrail'))
  const nc = await connect({ servers: url, user, pass: password })
  try {
    return await work({ dir, swarm, nc, serverPid: pid })
  } finally {
    await nc.close()
    await swarm.close()
    rmSync(dir, { recursive: true, force: true })
  }
}

async function serverOf(dir) {
  const { readFile } = await import('node:fs/promises')
  return JSON.parse(await readFile(join(dir, 'server.json'), 'utf8'))
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

/** Prints the one JSON line of a benchmark. Figures are rounded to what can be told apart. */
export function report(name, figures) {
  console.log(JSON.stringify({ bench: name, ...roundDeep(figures), machine: machine() }))
}

function roundDeep(value) {
  if (typeof value === 'number') return Number(value.toPrecision(4))
  if (Array.isArray(value)) return value.map(roundDeep)
  if (value !== null && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, roundDeep(inner)]))
  return value
}

function machine() {
  return { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, node: process.version, kernel: release() }
}
