import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { buildCli, cliIn, linesOf } from '../support/cli.ts'
import { pidsWith } from '../support/processes.ts'
import { temporaryDirectory } from '../support/repositories.ts'
import { until } from '../support/until.ts'

/** A command takes seconds where the machine is busy. */
const TEST_MS_MAX = 120_000

let program: string
beforeAll(async () => {
  program = await buildCli()
})

const HANG = ['--command', 'echo started; exec sleep 600', '--protocol', 'exit-code']

describe('signals', { timeout: TEST_MS_MAX }, () => {
  it('one Ctrl-C stops a run cleanly with status 4', async () => {
    const cli = cliIn(program, await temporaryDirectory())
    const id = randomUUID()
    const running = cli.start('run', 'task', '--session-id', id, ...HANG)
    await running.prints('turn.started')
    running.child.kill('SIGINT')
    const { code, stdout, stderr } = await running.ended
    expect(code).toBe(4)
    expect(stderr).toContain(`stopping session ${id}`)
    expect(stdout).toMatch(/\nstopped \(stop_requested\)\n/)
    expect(pidsWith('ACE_RUNTIME_SESSION_ID', id)).toEqual([])
  })

  it('a second one ends it at once and leaves the session for a runner', async () => {
    const cli = cliIn(program, await temporaryDirectory())
    const stubborn = ['--command', "trap '' TERM; echo started; while :; do sleep 1; done", '--protocol', 'exit-code']
    const id = randomUUID()
    const running = cli.start('run', 'task', '--session-id', id, ...stubborn)
    await running.prints('turn.started')
    running.child.kill('SIGINT')
    await running.prints('stopping session')
    running.child.kill('SIGINT')
    const { code: ended, stderr } = await running.ended
    expect(ended).toBe(130)
    // What it was run with is not on any file, so a runner alone would end with workflow_missing.
    expect(stderr).toMatch(
      /left unfinished; a runner with a workflow file .*: swarmtrail init, .* then swarmtrail runner\n/,
    )
    expect(pidsWith('ACE_RUNTIME_SESSION_ID', id)).toEqual([])
    const { code, values } = await cli.json('doctor')
    expect(code).toBe(1)
    expect(values).toMatchObject([
      { ok: false, checks: expect.arrayContaining([expect.objectContaining({ name: 'orphans', ok: false })]) },
    ])
  })

  it('SIGTERM stops a run and ends a wait at once, Ctrl-C or SIGTERM ends a watch with 0', async () => {
    const cli = cliIn(program, await temporaryDirectory())
    const watching = cli.start('watch', '--from', 'start', '--json')
    const running = cli.start('run', 'task', '--session-id', 'S3', ...HANG)
    await watching.prints('turn.started')
    const waiting = cli.start('wait', 'S3', '--timeout-ms', '100000')
    const following = cli.start('logs', 'S3', '--follow')
    await following.prints('its output from now on')
    const users = () => readdir(join(cli.directory, '.swarmtrail', 'users'))
    await until('all four use the server', async () => (await users()).length === 4)
    waiting.child.kill('SIGTERM')
    following.child.kill('SIGTERM')
    expect((await waiting.ended).code).toBe(143)
    expect((await following.ended).code).toBe(0)
    running.child.kill('SIGTERM')
    expect((await running.ended).code).toBe(4)
    await watching.prints('session.closed')
    watching.child.kill('SIGINT')
    const { code, stdout } = await watching.ended
    expect(code).toBe(0)
    expect(linesOf(stdout)[0]).toMatchObject({ type: 'start.requested', subject: 'S3' })
  })
})

describe('a reader that leaves', { timeout: TEST_MS_MAX }, () => {
  it('ends a watch quietly, and never a run', async () => {
    const cli = cliIn(program, await temporaryDirectory())
    expect((await cli.run('run', 'task', '--command', 'true', '--protocol', 'exit-code')).code).toBe(0)
    const shell = (line: string) => {
      const child = spawn('bash', ['-c', `set -o pipefail; ${line}`, 'bash', process.execPath, program], {
        cwd: cli.directory,
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      let stderr = ''
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
      child.stdout.resume()
      return once(child, 'close').then(([code]) => ({ code: code as number, stderr }))
    }
    // A reader that left is noticed by the next event, as by every program that writes to a pipe.
    let isOver = false
    const watching = shell('"$1" "$2" watch --from start | head -n 1').finally(() => (isOver = true))
    await until('the watch is over', async () => {
      if (!isOver) await cli.run('run', 'task', '--command', 'true', '--protocol', 'exit-code')
      return isOver
    })
    expect(await watching).toEqual({ code: 0, stderr: '' })
    const run = await shell('"$1" "$2" run task --session-id left --command "true" --protocol exit-code | head -n 1')
    expect(run).toEqual({ code: 0, stderr: '' })
    await until('the run is over', async () => (await cli.run('wait', 'left', '--timeout-ms', '5000')).code === 0)
  })
})
