/** The auditors' functions of the library, on a real log. */
import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  auditPage,
  backtest,
  connectSwarm,
  createRunner,
  exportTrails,
  importTrails,
  readAudit,
  readSummary,
  rebuildView,
  signatureChecker,
  signer,
  summaryOf,
  verifyExport,
  verifyLog,
  type ConnectedSwarm,
} from '../src/index.ts'
import { startTestServer, type TestServer } from './support/nats-server.ts'

let server: TestServer
let directory: string
let swarm: ConnectedSwarm
beforeAll(async () => {
  server = await startTestServer()
  directory = await mkdtemp(join(tmpdir(), 'swarmtrail-history-'))
  swarm = await connect('audited')
  const runner = await createRunner({
    swarm,
    command: { command: 'echo made > made.txt; echo did it', protocol: 'exit-code' },
    sourceDir: directory,
  })
  for (const session_id of ['S1', 'S2']) await runner.run({ task: 'make a file', session_id })
  for (const id of ['S1', 'S2']) for await (const _ of swarm.events({ sessionId: id, from: 'start', until: 'closed' }));
  await runner.close()
})
// The last one first, and each on its own: what was begun is ended, however far it came.
afterAll(() => rm(directory, { recursive: true, force: true }))
afterAll(() => server.stop())
afterAll(() => swarm.close())

function connect(namespace: string): Promise<ConnectedSwarm> {
  return connectSwarm({ servers: server.url, namespace, dir: join(directory, '.swarmtrail') })
}

async function exported(from: ConnectedSwarm): Promise<string[]> {
  const lines: string[] = []
  for await (const line of exportTrails(from, { artifacts: true })) lines.push(line)
  return lines
}

it('a log is verified, whole or by session, and against a signed summary', async () => {
  const verification = await verifyLog(swarm)
  expect(verification).toMatchObject({ ok: true, parked: { count: 0 } })
  expect(verification.sessions.map(({ session_id }) => session_id).toSorted()).toEqual(['S1', 'S2'])
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const [key, pub] = [join(directory, 'key.pem'), join(directory, 'key.pub')]
  await writeFile(key, privateKey.export({ format: 'pem', type: 'pkcs8' }))
  await writeFile(pub, publicKey.export({ format: 'pem', type: 'spki' }))
  const kept = JSON.stringify(summaryOf(verification, '2026-01-31T12:00:00.000Z', await signer(key)))
  const against = readSummary(kept, await signatureChecker(pub))
  expect((await verifyLog(swarm, { against })).ok).toBe(true)
  expect((await verifyLog(swarm, { sessionIds: ['S2'], against })).sessions).toHaveLength(1)
  const longer = { ...against, sessions: against.sessions.map((one) => ({ ...one, events: one.events + 1 })) }
  expect((await verifyLog(swarm, { against: longer })).ok).toBe(false)
  await expect(verifyLog(swarm, { sessionIds: ['nobody'] })).rejects.toMatchObject({ code: 'session_not_found' })
})

it('trails are carried to another namespace, the same in everything but their positions', async () => {
  const lines = await exported(swarm)
  const path = join(directory, 'trails.jsonl')
  await writeFile(path, lines.join('\n'))
  const proved = await verifyExport(path)
  expect(proved).toMatchObject({ ok: true, sessions: [{ ok: true }, { ok: true }] })
  const copy = await connect('copied')
  try {
    expect(await importTrails(copy, path)).toMatchObject({ sessions: 2, events: proved.events })
    expect(await exported(copy)).toHaveLength(lines.length)
    await expect(importTrails(copy, path)).rejects.toMatchObject({ code: 'import_refused' })
    // Nobody serves the copy, so nothing is stored of it yet, and nothing that is stored differs.
    expect(await rebuildView(copy, 'registry')).toMatchObject({ view: 'registry', documents: 2, changed: 0 })
    expect((await copy.get('S1'))?.outcome).toBe('completed')
  } finally {
    await copy.close()
  }
})

it('a session is told as a story, and judged by another workflow', async () => {
  const audit = await readAudit(swarm, 'S1')
  expect(audit).toMatchObject({ soundness: { ok: true }, story: { claimed: { summary: 'did it' } } })
  expect(await auditPage(swarm, audit)).toMatch(/^<!doctype html>[\s\S]*made\.txt/)
  const workflow = join(directory, 'STRICT.md')
  await writeFile(
    workflow,
    '---\nexecutor: {command: x}\nautonomy: {stop: [{name: notes, file_exists: notes.md}]}\n---\n',
  )
  const judged = await backtest(swarm, { workflow })
  expect(judged).toMatchObject({ workflow: { path: workflow }, summary: { sessions: 2 } })
  expect(await backtest(swarm, { workflow, after: await swarm.positionOf('now') })).toMatchObject({ sessions: [] })
})

it('a view that does not exist is an error with a code, also for programs without types', async () => {
  const name: string = 'registy'
  await expect(swarm.view(name as 'registry', 'S1')).rejects.toMatchObject({ code: 'unknown_view' })
})
