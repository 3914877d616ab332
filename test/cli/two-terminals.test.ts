import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { buildCli, cliIn, linesOf, type Cli } from '../support/cli.ts'
import { temporaryDirectory } from '../support/repositories.ts'
import { until } from '../support/until.ts'

/** A command takes seconds where the machine is busy. */
const TEST_MS_MAX = 120_000

let program: string
beforeAll(async () => {
  program = await buildCli()
})

/** Works on what the task says: answers with that status, or goes on for ever. */
const EXECUTOR = `
case "$ACE_RUNTIME_TASK" in
  wait*) while :; do echo waiting; sleep 0.05; done;;
  *) status="$ACE_RUNTIME_TASK";;
esac
grep -q 'GUIDED' "$ACE_RUNTIME_PROMPT_FILE" && status=done
printf '{"status":"%s","summary":"answered %s"}' "$status" "$status" > "$ACE_RUNTIME_RESPONSE_FILE"
`

async function serving(front: Record<string, unknown> = {}): Promise<Cli> {
  const directory = await temporaryDirectory()
  const config = { executor: { command: EXECUTOR }, ...front }
  await writeFile(join(directory, 'WORKFLOW.md'), `---\n${JSON.stringify(config)}\n---\n`)
  return cliIn(program, directory)
}

/** The id of the held blocker in what `run --json` printed so far; its last line may be half of one. */
function blockerOf(stdout: string): string | null {
  const events = linesOf(stdout.slice(0, stdout.lastIndexOf('\n') + 1)) as {
    type: string
    data: { post_id: string; kind: string }
  }[]
  return events.find(({ type, data }) => type === 'post.held' && data.kind === 'blocker')?.data.post_id ?? null
}

async function idOf(cli: Cli, ...args: string[]): Promise<string> {
  const { code, values, stderr } = await cli.json('start', ...args)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const [{ session_id: id }] = values as [{ session_id: string; position: number }]
  return id
}

describe('two terminals', { timeout: TEST_MS_MAX }, () => {
  it('a start without a runner stays queued, and is served, watched and joined later', async () => {
    const cli = await serving()
    expect((await cli.run('start', 'done', '--session-id', 'S1', '--label', 'lane=a')).stdout).toBe('S1\n')
    expect((await cli.json('ps', '--label', 'lane=a')).values).toMatchObject([[{ session_id: 'S1', phase: 'queued' }]])
    expect((await cli.json('ps', '--label', 'lane=b')).values).toEqual([[]])
    const early = await cli.run('wait', 'S1', '--timeout-ms', '10')
    expect(early).toMatchObject({ code: 124, stdout: 'S1 starting\n' })
    expect(early.stderr).toMatch(/^error: wait_timeout: .*\n$/)
    expect(await cli.json('wait', 'S1', '--timeout-ms', '10')).toMatchObject({
      code: 124,
      values: [{ session_id: 'S1', status: 'starting', outcome: null }],
    })
    const runner = cli.start('runner', '--json')
    const waiting = cli.start('wait', 'S1', '--json')
    const watching = cli.start('watch', 'S1', '--from', 'start', '--until-closed', '--type', 'session.*', '--json')
    expect(await waiting.ended).toMatchObject({ code: 0 })
    const watched = await watching.ended
    expect(watched.code).toBe(0)
    expect(linesOf(watched.stdout)).toMatchObject(
      ['claimed', 'started', 'completed', 'closed'].map((verb) => ({ type: `session.${verb}`, subject: 'S1' })),
    )
    runner.child.kill('SIGTERM')
    const served = await runner.ended
    expect(served.code).toBe(0)
    expect(linesOf(served.stdout).at(-1)).toMatchObject({ type: 'session.closed', position: expect.any(Number) })
    expect((await cli.run('wait', 'S1', 'nobody')).code).toBe(5)
  })

  it('a stop of a queued session says who closes it', async () => {
    const cli = await serving()
    const id = await idOf(cli, 'done')
    expect((await cli.run('stop', id)).stdout).toMatch(/will not be started; the next runner closes it \(position/)
    const runner = cli.start('runner')
    expect((await cli.run('wait', id)).code).toBe(4)
    const shown = await cli.run('show', id)
    expect(shown.stdout).toMatch(/\nclaimed +nothing\nverified +no\nreason +stopped by client\//)
    runner.child.kill('SIGTERM')
    expect((await runner.ended).code).toBe(0)
  })

  it('stops a session at work, and refuses what makes no sense', async () => {
    const cli = await serving()
    const runner = cli.start('runner', '--capacity', '1')
    const id = await idOf(cli, 'wait')
    const next = await idOf(cli, 'failed')
    const following = cli.start('logs', id, '--follow')
    await following.prints('waiting')
    expect((await cli.json('resume', id, '--guidance', 'go')).values).toMatchObject([
      { error: { code: 'not_accepted_in_phase', details: { phase: 'executing', command: 'RESUME' } } },
    ])
    const stopped = await cli.json('stop', id, '--reason', 'enough')
    expect(stopped).toMatchObject({ code: 0, values: [{ ok: true, position: expect.any(Number) }] })
    const { code, values } = await cli.json('wait', id, next)
    expect(code).toBe(1)
    expect(values).toMatchObject([[{ outcome: 'stopped' }, { outcome: 'failed' }]])
    expect(await following.ended).toMatchObject({ code: 0, stdout: expect.stringMatching(/^(waiting\n)+$/) })
    expect((await cli.run('wait', id)).code).toBe(4)
    expect((await cli.run('stop', id)).code).toBe(1)
    expect((await cli.run('stop', 'nobody')).code).toBe(5)
    runner.child.kill('SIGINT')
    expect((await runner.ended).code).toBe(0)
  })

  it('resumes a blocked session that run keeps serving, and publishes or keeps its posts', async () => {
    const cli = await serving({
      blocked: { hold_ms: 60_000 },
      output: { emit_to: ['vericify'], require_approval_before_emit: true },
    })
    const running = cli.start('run', 'blocked', '--session-id', 'S1', '--json')
    await until('the blocker is held', () => blockerOf(running.stdout) !== null, TEST_MS_MAX)
    expect((await cli.run('wait', 'S1')).code).toBe(3)
    const blocker = blockerOf(running.stdout) ?? ''
    expect(await cli.json('approve', blocker)).toMatchObject({ code: 0, values: [{ ok: true }] })
    expect((await cli.json('deny', blocker)).code).toBe(5)
    expect((await cli.json('resume', 'S1', '--guidance', 'GUIDED: use the other one')).code).toBe(0)
    const { code, stdout } = await running.ended
    expect(code).toBe(0)
    expect(linesOf(stdout).at(-1)).toMatchObject({ result: { outcome: 'completed', turn_count: 2 } })
    const { values } = await cli.json('view', 'vericify', 'S1')
    expect(values).toMatchObject([{ posts: [{ post_id: blocker, kind: 'blocker' }] }])
  })

  it('several commands of one directory share one server, which ends with the last', async () => {
    const cli = await serving()
    const runs = ['a', 'b', 'c'].map((id) => cli.run('run', 'done', '--session-id', id))
    const results = await Promise.all([...runs, cli.run('ps'), cli.run('view', 'ledger')])
    expect(results.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0])
    const { values } = await cli.json('ps', '--limit', '2')
    expect(values).toMatchObject([[{ outcome: 'completed' }, { outcome: 'completed' }]])
    expect((await cli.json('down')).values).toEqual([{ was_running: false, in_use: false }])
    const [up] = (await cli.json('up')).values as [{ pid: number; url: string }]
    const healthy = await cli.json('doctor')
    expect(healthy).toMatchObject({ code: 0, values: [{ ok: true, namespace: 'default', server: { embedded: true } }] })
    expect((await cli.json('up')).values).toMatchObject([{ pid: up.pid, url: up.url }])
    expect((await cli.run('down')).stdout).toBe('the server is stopped\n')
  })

  it('keeps namespaces apart, and a named server serves as well as the embedded one', async () => {
    const cli = await serving()
    await cli.run('up')
    const text = await readFile(join(cli.directory, '.swarmtrail', 'server.json'), 'utf8')
    const { url, user, password } = JSON.parse(text) as { url: string; user: string; password: string }
    const named = url.replace('//', `//${user}:${password}@`)
    const elsewhere = cliIn(program, cli.directory, { NATS_URL: named, SWARMTRAIL_NAMESPACE: 'other' })
    const running = await elsewhere.json('run', 'done', '--dir', 'private')
    expect(running).toMatchObject({ code: 0, stderr: '' })
    expect((await cli.json('ps')).values).toEqual([[]])
    expect((await cli.json('--namespace', 'other', 'ps')).values).toMatchObject([[{ outcome: 'completed' }]])
    expect((await cli.run('down')).code).toBe(0)
  })
})
