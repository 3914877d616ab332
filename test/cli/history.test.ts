/** Verify, export, import and rebuild as auditors run them. */
import { generateKeyPairSync } from 'node:crypto'
import { appendFile, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectNats } from '../../src/adapters/nats/connection.ts'
import { connectSwarm, type ConnectedSwarm } from '../../src/connect.ts'
import { createRunner } from '../../src/create-runner.ts'
import { ACE_FILES, aceBridgeSchema, acePostsSchema, aceRegistrySchema } from '../../src/projections/ace-export.ts'
import { INDEXES, VIEW_NAMES } from '../../src/projections/names.ts'
import { buildCli, cliIn, linesOf, type Cli } from '../support/cli.ts'
import { ensureLosingStream, loseMessage } from '../support/lossy-stream.ts'
import { startTestServer, type TestServer } from '../support/nats-server.ts'
import { temporaryDirectory } from '../support/repositories.ts'
import { until } from '../support/until.ts'

type Event = { id: string; type: string; subject: string; position: number; hash: string }
type Session = { session_id: string; events: number; head_hash: string; ok: boolean; bad: unknown }
type Verified = { ok: boolean; sessions: Session[] }

const done = `printf '{"status":"done","summary":"did it"}' > "$ACE_RUNTIME_RESPONSE_FILE"; echo done > made.txt`

let program: string
let server: TestServer
/** Holds two finished sessions, S1 and S2; nothing is added to it. */
const FINISHED = 'finished'
beforeAll(async () => {
  ;[program, server] = await Promise.all([buildCli(), startTestServer()])
})
afterAll(() => server.stop())

/** Serves sessions of a namespace in this process until they are closed. */
async function runSessions(directory: string, namespace: string, ids: readonly string[], command = done) {
  await using swarm = await connectSwarm({ servers: server.url, namespace, dir: join(directory, '.swarmtrail') })
  const runner = await createRunner({ swarm, command: { command, protocol: 'ace' }, sourceDir: directory })
  try {
    for (const id of ids) {
      await swarm.start({ task: `task of ${id}`, session_id: id })
      for await (const event of swarm.events({ sessionId: id, from: 'start', until: 'closed' }))
        expect(event.subject).toBe(id)
    }
  } finally {
    await runner.close()
  }
}

let ready: Promise<void> | null = null
/** Commands in a directory of their own, on the one server. */
async function auditor(): Promise<Cli> {
  const directory = await temporaryDirectory()
  ready ??= runSessions(directory, FINISHED, ['S1', 'S2'])
  await ready
  return cliIn(program, directory, { NATS_URL: server.url, SWARMTRAIL_NAMESPACE: FINISHED })
}

async function swarmOf(cli: Cli, namespace: string): Promise<ConnectedSwarm> {
  return connectSwarm({ servers: server.url, namespace, dir: join(cli.directory, '.swarmtrail') })
}

async function exportTo(cli: Cli, name: string, ...args: string[]): Promise<{ path: string; lines: string[] }> {
  const path = join(cli.directory, name)
  const { code, stderr, stdout } = await cli.run('export', ...args, '--out', path)
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: '' })
  return { path, lines: (await readFile(path, 'utf8')).trimEnd().split('\n') }
}

const eventOf = (line: string | undefined) => JSON.parse(line ?? '{}') as Event
const withoutPosition = (line: string) => ({ ...eventOf(line), position: null })

async function keysIn(directory: string) {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const [key, pub] = [join(directory, 'auditor.pem'), join(directory, 'auditor.pub')]
  await writeFile(key, privateKey.export({ type: 'pkcs8', format: 'pem' }))
  await writeFile(pub, publicKey.export({ type: 'spki', format: 'pem' }))
  return { key, pub }
}

describe('a log that has lost its last events', () => {
  it('is told of by verify and doctor, and exported as far as it is there', async () => {
    const directory = await temporaryDirectory()
    const namespace = 'lossy'
    const link = await connectNats({ servers: server.url, namespace })
    await ensureLosingStream(link)
    await runSessions(directory, namespace, ['S1', 'S2'])
    const cli = cliIn(program, directory, { NATS_URL: server.url, SWARMTRAIL_NAMESPACE: namespace })
    const whole = await exportTo(cli, 'whole.jsonl', '--all')
    const [kept, end] = [whole.lines.length - 2, whole.lines.length]
    for (const position of [end - 1, end]) await loseMessage(link, position)
    await link.close()
    const lost = { count: 2, first: [{ from: end - 1, to: end }] }
    expect(await cli.json('verify')).toMatchObject({ code: 1, values: [{ ok: false, lost }] })
    const { code, stdout } = await cli.run('verify')
    expect(code).toBe(1)
    expect(stdout).toContain(`LOST positions ${end - 1} to ${end}`)
    expect(stdout).toContain('2 sessions: 2 events of the log LOST')
    const checks = expect.arrayContaining([
      { name: 'stream', ok: false, detail: expect.stringContaining('2 events LOST') as unknown },
    ]) as unknown
    expect(await cli.json('doctor')).toMatchObject({ code: 1, values: [{ ok: false, checks }] })
    expect((await exportTo(cli, 'left.jsonl', '--all')).lines).toEqual(whole.lines.slice(0, kept))
  })
})

describe('history', () => {
  it('is sound in the log, in an export with no server, and after an import, where every view is the same', async () => {
    const cli = await auditor()
    const inLog = await cli.json('verify')
    expect(inLog).toMatchObject({ code: 0, stderr: '' })
    const [verified] = inLog.values as [Verified]
    expect(Object.keys(verified)).toEqual(['ok', 'sessions'])
    expect(verified.sessions.map((session) => Object.keys(session))).toEqual(
      verified.sessions.map(() => ['session_id', 'events', 'head_hash', 'ok', 'bad']),
    )
    expect(verified.sessions).toMatchObject([
      { session_id: 'S1', ok: true, bad: null },
      { session_id: 'S2', ok: true, bad: null },
    ])
    const { path, lines } = await exportTo(cli, 'all.jsonl', '--all', '--artifacts')
    const events = lines.filter((line) => eventOf(line).type !== undefined)
    expect(lines.filter((line) => line.startsWith('{"artifact"')).length).toBeGreaterThan(0)
    expect(events.length).toBe(verified.sessions.reduce((sum, session) => sum + session.events, 0))
    const offline = cliIn(program, await temporaryDirectory())
    expect((await offline.json('verify', '--file', path)).values).toEqual(inLog.values)
    expect(await readdir(offline.directory)).toEqual([])

    const imported = await cli.json('import', path, '--namespace', 'copy')
    expect(imported.values).toMatchObject([{ namespace: 'copy', sessions: 2, events: events.length }])
    const copy = await exportTo(cli, 'copy.jsonl', '--all', '--artifacts', '--namespace', 'copy')
    expect(copy.lines.map(withoutPosition)).toEqual(lines.map(withoutPosition))
    await using original = await swarmOf(cli, FINISHED)
    await using restored = await swarmOf(cli, 'copy')
    const documents = async (swarm: ConnectedSwarm, view: (typeof VIEW_NAMES)[number]) =>
      (await swarm.views(view)).map(({ document }) => JSON.stringify(document)).toSorted()
    for (const view of VIEW_NAMES) expect(await documents(restored, view)).toEqual(await documents(original, view))
    expect((await cli.run('diff', 'S1', '--namespace', 'copy')).stdout).toContain('made.txt')
    const again = await cli.json('import', path, '--namespace', 'copy')
    expect(again).toMatchObject({ code: 1, values: [{ error: { code: 'import_refused' } }] })
  })

  it('that was touched is named by its first bad event, and refused by import with nothing written', async () => {
    const cli = await auditor()
    const { path, lines } = await exportTo(cli, 'all.jsonl', '--all', '--framed')
    const touched = eventOf(lines[4])
    await writeFile(path, lines.with(4, JSON.stringify({ ...touched, source: 'somebody' })).join('\n'))
    const { code, values } = await cli.json('verify', '--file', path)
    expect(code).toBe(1)
    const [{ ok, sessions }] = values as [Verified]
    const bad = { position: touched.position, id: touched.id, reason: expect.stringContaining('hash') as string }
    expect({ ok, sessions }).toMatchObject({
      ok: false,
      sessions: [{ session_id: 'S1', ok: false, bad }, { ok: true }],
    })
    const codes = [
      cli.run('verify', 'S2', '--file', path),
      cli.run('verify', 'S3', '--file', path),
      cli.run('verify', 'S3'),
      // The file is looked at first, also where the namespace is a used one.
      cli.run('import', join(cli.directory, 'missing')),
      cli.run('verify', '--file', '/dev/null'),
    ]
    expect((await Promise.all(codes)).map((result) => result.code)).toEqual([0, 5, 5, 2, 1])
    expect((await cli.run('verify', 'S1', '--file', path)).stdout).toContain(
      `BAD S1 event ${touched.id} at ${touched.position}`,
    )
    const cutOff = [lines.join('\n').slice(0, -9), lines.slice(0, -1).join('\n')]
    const contents = [await readFile(path), ...cutOff, new Uint8Array([0xff, 0xfe]), '']
    const refusals = contents.map(async (content, n) => {
      await writeFile(`${path}.${n}`, content)
      return cli.json('import', `${path}.${n}`, '--namespace', 'empty')
    })
    for (const refusal of await Promise.all(refusals)) {
      expect(refusal).toMatchObject({ code: 1, values: [{ error: { code: 'import_refused' } }] })
    }
    await using swarm = await swarmOf(cli, 'empty')
    expect(await swarm.positionOf('now')).toBe(0)
  })

  it('is summed up with a signature, which shows when the whole store was replaced', async () => {
    const cli = await auditor()
    const { key, pub } = await keysIn(cli.directory)
    const heads = join(cli.directory, 'heads.json')
    const made = await cli.json('verify', '--summary', heads, '--key', key)
    expect(made).toMatchObject({ code: 0, stderr: expect.stringMatching(/2 sessions .*, signed/) as string })
    const against = ['verify', '--against', heads, '--public-key', pub]
    expect(await cli.run(...against)).toMatchObject({ code: 0 })
    const { path } = await exportTo(cli, 'one.jsonl', 'S2')
    expect((await cli.run('import', path, '--namespace', 'forged')).code).toBe(0)
    const forged = await cli.json(...against, '--namespace', 'forged')
    expect(forged.code).toBe(1)
    expect((forged.values as [Verified])[0].sessions).toMatchObject([
      { session_id: 'S2', ok: true },
      { session_id: 'S1', ok: false, events: 0, bad: { reason: expect.stringContaining('missing') as string } },
    ])
    await writeFile(heads, (await readFile(heads, 'utf8')).replace('"S1"', '"S9"'))
    expect(await cli.json(...against)).toMatchObject({ code: 1, values: [{ error: { code: 'history_corrupt' } }] })
    for (const half of [`--key ${key}`, `--public-key ${pub}`, `S1 --summary ${heads}`])
      expect((await cli.run('verify', ...half.split(' '))).code).toBe(2)
  })

  it('is printed as it stands in the log, and nothing is exported by mistake', async () => {
    const cli = await auditor()
    const events = linesOf((await cli.run('export', 'S2')).stdout) as Event[]
    const positions = events.map(({ position }) => position)
    expect(new Set(events.map(({ subject }) => subject))).toEqual(new Set(['S2']))
    expect(positions).toEqual(positions.toSorted((a, b) => a - b))
    const mistakes = [[], ['S1', '--all'], ['S1', '--follow'], ['ace'], ['ace', 'S1', '--out', 'x']]
    for (const what of ['S1', 'ace']) mistakes.push([what, '--out', '/proc/x'])
    const codes = await Promise.all(mistakes.map(async (args) => (await cli.run('export', ...args)).code))
    expect(codes).toEqual(mistakes.map(() => 2))
    expect((await cli.run('export', 'S9', '--out', join(cli.directory, 'none'))).code).toBe(5)
    expect((await readdir(cli.directory)).filter((name) => name.includes('none'))).toEqual([])
  })
})

describe('rebuild', () => {
  it('finds nothing to change in what runners stored, repairs what others did, and tells of each view', async () => {
    const cli = await auditor()
    const { code, values, stderr } = await cli.json('rebuild')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const [{ views }] = values as [{ views: Record<string, unknown>[] }]
    const indexes = Object.values(INDEXES).map(({ name }) => name)
    expect(views.map(({ view }) => view)).toEqual([...VIEW_NAMES, ...indexes, 'parked'])
    expect(views.map((view) => Object.keys(view))).toEqual(
      views.map(() => ['view', 'events', 'documents', 'changed', 'duration_ms']),
    )
    expect(views.map(({ changed }) => changed)).toEqual(views.map(() => 0))
    await using swarm = await swarmOf(cli, FINISHED)
    const before = await swarm.get('S1')
    const stored = await swarm.ports.views.get('registry', 'S1')
    const lie = { ...before, status: 'failed' }
    await swarm.ports.views.put('registry', [{ key: 'S1', position: stored?.position ?? 0, document: lie }])
    await swarm.ports.views.put('registry', [{ key: 'S7', position: 1, document: lie }])
    const { stdout } = await cli.run('rebuild', 'registry')
    expect(stdout).toMatch(/^registry: \d+ events, 2 documents, 2 DIFFERED and are put right \(\d+ ms\)\n$/)
    expect(await swarm.get('S1')).toEqual(before)
    expect(await swarm.list()).toHaveLength(2)
    expect((await cli.run('rebuild', 'registy')).code).toBe(2)
  })

  it('puts right what no event led to, which keeps nobody from seeing what the log says', async () => {
    const cli = await auditor()
    await using swarm = await swarmOf(cli, FINISHED)
    const [listed, shown] = [await cli.json('ps'), await cli.json('show', 'S1')]
    const head = await swarm.ports.log.head()
    await swarm.ports.views.put('registry', [{ key: 'S1', position: head, document: { foo: 1 } }])
    await swarm.ports.views.setCheckpoint('ledger', 1_000_000)
    await swarm.ports.views.setCheckpoint('recent-sessions', 1_000_000)
    expect(await cli.json('ps')).toEqual(listed)
    expect(await cli.json('ps', '--limit', '5')).toEqual(listed)
    expect(await cli.json('show', 'S1')).toEqual(shown)
    expect((await cli.run('wait', 'S1')).code).toBe(0)
    expect((await cli.run('ps')).code).toBe(0)
    const { code, values } = await cli.json('doctor')
    const [{ checks }] = values as [{ checks: { name: string; ok: boolean; detail: string }[] }]
    expect(code).toBe(1)
    expect(checks.filter(({ ok }) => !ok)).toMatchObject([{ name: 'views' }])
    const detail = checks.find(({ name }) => name === 'views')?.detail
    expect(detail).toMatch(/; registry holds 1 value that no event led to: swarmtrail rebuild registry; /)
    expect(detail).toContain(
      `; recent-sessions is said to be complete to position 1000000, and the log ends at ${head}:`,
    )
    expect(detail).toContain(`, ledger ${head}, `)
    expect((await cli.run('rebuild', 'registry', 'ledger', 'recent-sessions')).stdout).toContain('registry: ')
    expect((await cli.json('doctor')).code).toBe(0)
    expect(await cli.json('ps', '--limit', '5')).toEqual(listed)
  })
})

describe('export ace', () => {
  it('writes what the ACE tools read, and keeps it current while sessions run', async () => {
    const cli = await auditor()
    const out = join(cli.directory, 'ace')
    const files = Object.values(ACE_FILES).map((path) => join(out, path))
    expect(await cli.json('export', 'ace', '--out', out)).toMatchObject({ code: 0, values: [{ files }] })
    const json = async (path: string): Promise<unknown> => JSON.parse(await readFile(join(out, path), 'utf8'))
    const registry = async () => aceRegistrySchema.parse(await json(ACE_FILES.registry))
    expect((await registry()).sessions).toMatchObject([
      { session_id: 'S1', status: 'completed' },
      { session_id: 'S2', status: 'completed' },
    ])
    expect(acePostsSchema.parse(await json(ACE_FILES.posts)).posts.map(({ kind }) => kind)).toContain('completion')
    expect(aceBridgeSchema.parse(await json(ACE_FILES.bridge)).runs).toHaveLength(2)

    await appendFile(join(out, ACE_FILES.registry), 'spoiled by somebody')
    const following = cli.start('export', 'ace', '--out', out, '--follow', '--namespace', 'followed')
    await following.prints('bridge-snapshot.json written')
    expect((await registry()).sessions).toEqual([])
    const go = join(cli.directory, 'go')
    const running = runSessions(
      cli.directory,
      'followed',
      ['S3'],
      `while [ ! -e "${go}" ]; do sleep 0.05; done; ${done}`,
    )
    const status = async () => (await registry()).sessions[0]?.status
    await until('the running session shows', async () => (await status()) === 'running')
    await writeFile(go, '')
    await running
    await until('its end shows', async () => (await status()) === 'completed')
    following.child.kill('SIGINT')
    expect(await following.ended).toMatchObject({ code: 0 })
    const left = (await readdir(out, { recursive: true })).filter((name) => name.includes('.json'))
    expect(left.toSorted()).toEqual(Object.values(ACE_FILES).toSorted())
    await rm(go)
  })
})
