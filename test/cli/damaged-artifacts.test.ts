/** A damaged artifact costs its own content and nothing else: neither other sessions nor the rest of an export. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { metaSubject } from '../../src/adapters/nats/artifact-object.ts'
import { connectNats } from '../../src/adapters/nats/connection.ts'
import { artifactName } from '../../src/events/subjects.ts'
import type { SwarmEvent } from '../../src/events/envelope.ts'
import { artifactsOf } from '../../src/runtime/transfer/export-artifacts.ts'
import { buildCli, cliIn, linesOf } from '../support/cli.ts'
import { startTestServer, type TestServer } from '../support/nats-server.ts'
import { put } from '../support/put.ts'
import { makeRepository, temporaryDirectory } from '../support/repositories.ts'

/** A command takes seconds where the machine is busy. */
const TEST_MS_MAX = 120_000

let program: string
let server: TestServer
beforeAll(async () => {
  ;[program, server] = await Promise.all([buildCli(), startTestServer()])
})
afterAll(() => server.stop())

/** Its output is too long for an event, and the same in each session. */
const WORKFLOW = `---
executor:
  protocol: exit-code
  command: seq 1 20000; echo more > a.txt
---
{{ task }}
`

async function withOneSession(namespace: string) {
  const directory = await makeRepository(join(await temporaryDirectory(), 'repo'), { 'a.txt': 'one\n' })
  await writeFile(join(directory, 'WORKFLOW.md'), WORKFLOW)
  const cli = cliIn(program, directory, { NATS_URL: server.url, SWARMTRAIL_NAMESPACE: namespace })
  expect((await cli.run('run', 'first', '--session-id', 'S1')).code).toBe(0)
  const events = linesOf((await cli.run('export', 'S1')).stdout) as SwarmEvent[]
  return { cli, named: events.flatMap(artifactsOf) }
}

/** Nobody could tell any more what these names stand for. The empty one is what each runner stores first. */
async function damage(namespace: string, named: ReturnType<typeof artifactsOf>) {
  const link = await connectNats({ servers: server.url, namespace })
  const empty = { sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', bytes: 0 }
  for (const ref of [empty, ...named]) await put(link.nc, metaSubject(link.names.artifactBucket, ref), 'garbage')
  await link.close()
}

it('is named by whoever needs its content, and put right by a session that stores the same', {
  timeout: TEST_MS_MAX,
}, async () => {
  const { cli, named } = await withOneSession('healed')
  const whole = (await cli.run('logs', 'S1')).stdout
  await damage('healed', named)
  for (const command of ['logs', 'diff']) {
    const refused = await cli.json(command, 'S1')
    expect(refused).toMatchObject({ code: 1, values: [{ error: { code: 'history_corrupt' } }] })
    const [{ error }] = refused.values as [{ error: { message: string } }]
    expect(named.map(({ sha256 }) => `the artifact ${artifactName(sha256)} is not what was stored`)).toContain(
      error.message,
    )
  }
  expect(await cli.run('run', 'second', '--session-id', 'S2')).toMatchObject({ code: 0 })
  for (const session of ['S2', 'S1']) expect(await cli.run('logs', session)).toMatchObject({ code: 0, stdout: whole })
  expect(whole).toContain('\n20000\n')
})

it('is told of in an export and in the page of an audit, which have all the rest', {
  timeout: TEST_MS_MAX,
}, async () => {
  const { cli, named } = await withOneSession('told')
  const [prompt, ...others] = named
  await damage('told', others)
  const exported = await cli.run('export', '--all', '--artifacts', '--out', 'all.jsonl')
  expect(exported.code).toBe(0)
  const lost = new Set(others.map(({ sha256 }) => sha256))
  for (const sha256 of lost)
    expect(exported.stderr).toContain(`exported without its content: the artifact ${artifactName(sha256)} is not what`)
  const path = join(cli.directory, 'all.jsonl')
  const carried = linesOf(await readFile(path, 'utf8')).flatMap(
    (line) => (line as { artifact?: object }).artifact ?? [],
  )
  expect(carried).toHaveLength(lost.size + 1)
  expect(carried).toContainEqual({ ...prompt, base64: expect.any(String) as string })
  for (const sha256 of lost) expect(carried).toContainEqual(expect.objectContaining({ sha256, gone: true }))

  const verified = await cli.run('verify', '--file', path)
  expect(verified).toMatchObject({ code: 0 })
  expect(verified.stderr).toContain(
    `${lost.size} artifacts could not be exported: gone from the store, or corrupt there`,
  )
  expect(await cli.run('import', path, '--namespace', 'told-copy')).toMatchObject({ code: 0 })
  expect(await cli.json('logs', 'S1', '--namespace', 'told-copy')).toMatchObject({
    values: [{ error: { code: 'artifact_missing' } }],
  })

  expect(await cli.run('audit', 'S1', '--html', 'S1.html')).toMatchObject({ code: 0 })
  const page = await readFile(join(cli.directory, 'S1.html'), 'utf8')
  // The output and the patch; the prompt, which the page shows too, is as it was.
  expect(page.match(/not shown: the artifact sha256-[0-9a-f]{64} is not what was stored/g)).toHaveLength(2)
  expect(page).toContain('<h1>first</h1>')
})
