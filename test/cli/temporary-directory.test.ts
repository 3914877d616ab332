/** The runner's launcher has its socket in TMPDIR, which others clean up, and which may be wrong from the start. */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { buildCli, cliIn } from '../support/cli.ts'
import { startTestServer, type TestServer } from '../support/nats-server.ts'
import { temporaryDirectory } from '../support/repositories.ts'

/** A command takes seconds where the machine is busy. */
const TEST_MS_MAX = 120_000

let program: string
let server: TestServer
beforeAll(async () => {
  ;[program, server] = await Promise.all([buildCli(), startTestServer()])
})
afterAll(() => server.stop())

async function withTemporary(namespace: string, name: string) {
  const directory = await temporaryDirectory()
  const ran = join(directory, 'ran')
  const workflow = `---\nexecutor:\n  protocol: exit-code\n  command: echo ran >> '${ran}'\n---\n{{ task }}\n`
  await writeFile(join(directory, 'WORKFLOW.md'), workflow)
  const env = { NATS_URL: server.url, SWARMTRAIL_NAMESPACE: namespace }
  const temporary = join(directory, name)
  return {
    ran,
    temporary,
    cli: cliIn(program, directory, env),
    there: cliIn(program, directory, { ...env, TMPDIR: temporary }),
  }
}

it('nothing is served without one: what is queued stays so, and nothing is started', {
  timeout: TEST_MS_MAX,
}, async () => {
  const { cli, there } = await withTemporary('missing', 'none')
  expect(await cli.run('start', 'wait for a runner', '--session-id', 'S1')).toMatchObject({ code: 0 })
  for (const args of [['runner'], ['run', 'at once', '--session-id', 'S2']]) {
    const { code, stdout, stderr } = await there.run(...args)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^error: runner_error: .*ENOENT.*; TMPDIR must be a directory it may write to\n$/)
  }
  expect((await cli.json('export', '--all')).values).toMatchObject([{ type: 'start.requested', subject: 'S1' }])
})

it('a session is served by another launcher when somebody has cleaned up', { timeout: TEST_MS_MAX }, async () => {
  const { cli, there, temporary, ran } = await withTemporary('cleaned', 'tmp')
  await mkdir(temporary)
  const runner = there.start('runner')
  await runner.prints('serves namespace')
  const [left, ...more] = (await readdir(temporary)).filter((name) => name.startsWith('swarmtrail-'))
  expect([left, more]).toEqual([expect.any(String), []])
  await rm(join(temporary, left ?? ''), { recursive: true })
  expect(await cli.run('start', 'go', '--session-id', 'S1')).toMatchObject({ code: 0 })
  expect(await cli.run('wait', 'S1')).toMatchObject({ code: 0 })
  expect(await readFile(ran, 'utf8')).toBe('ran\n')
})
