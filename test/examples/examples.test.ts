/** Every example, run as its users run it. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { buildCli } from '../support/cli.ts'
import { copyCheckout, processesAt, runIn } from '../support/checkout.ts'
import { gitIn, temporaryDirectory } from '../support/repositories.ts'

/** Examples start servers and many processes; where the machine is busy they take their time. */
const TEST_MS_MAX = 180_000

let program: string
beforeAll(async () => {
  program = await buildCli()
})

async function checkout({ git }: { git: boolean }): Promise<string> {
  const directory = await temporaryDirectory()
  await copyCheckout(directory, program, { git })
  return directory
}

const firstMatch = (text: string, pattern: RegExp) => pattern.exec(text)?.[1] ?? ''

describe('the quickstart', { timeout: TEST_MS_MAX }, () => {
  it('maps a clone, leaves it as it is, and can be followed up with the commands it names; twice', async () => {
    const directory = await checkout({ git: true })
    const first = await runIn(directory, 'npm', 'start')
    expect(first).toMatchObject({ code: 0 })
    expect(await gitIn(directory, 'status', '--porcelain')).toBe('')
    const session = firstMatch(first.stdout, /npx swarmtrail diff (\S+)/)
    const swarmtrail = (...args: string[]) => runIn(directory, process.execPath, 'dist/cli.js', ...args)
    const watched = await swarmtrail('watch', session, '--from', 'start', '--until-closed')
    expect(watched).toMatchObject({ code: 0 })
    expect(watched.stdout).toContain('session.closed')
    expect((await swarmtrail('show', session)).stdout).toContain('verified')
    const { stdout: patch } = await swarmtrail('diff', session)
    expect(patch).toContain('+# Code map')
    expect(patch).toContain('src/machines/session-machine.ts')

    const second = await runIn(directory, 'npm', 'start')
    expect(second).toMatchObject({ code: 0 })
    const listed = JSON.parse((await swarmtrail('ps', '--json')).stdout) as unknown[]
    expect(listed).toMatchObject([
      { status: 'completed', verified: true, turn_count: 4 },
      { session_id: session, status: 'completed', verified: true },
    ])
    expect((await swarmtrail('apply', session)).code).toBe(0)
    expect((await gitIn(directory, 'status', '--porcelain')).split('\n')).toHaveLength(1)
    expect(processesAt(directory)).toEqual([])
  })

  it('works on a copy where there is no git repository', async () => {
    const directory = await checkout({ git: false })
    const { code, stdout } = await runIn(directory, 'npm', 'start')
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('completed') as string })
    expect(processesAt(directory)).toEqual([])
  })
})

describe('the coordinator', { timeout: TEST_MS_MAX }, () => {
  it('starts five sessions, follows them on one subscription and joins them', async () => {
    const directory = await checkout({ git: false })
    const { code, stdout } = await runIn(directory, process.execPath, 'examples/coordinator/coordinator.mjs', 'demo')
    expect(code).toBe(0)
    expect(stdout.match(/session\.closed/g)).toHaveLength(5)
    expect(stdout.match(/: completed, counted \d words/g)?.toSorted()).toEqual(
      [1, 2, 3, 4, 5].map((words) => `: completed, counted ${words} words`),
    )
    expect(processesAt(directory)).toEqual([])
  })
})

describe('the ACE example', { timeout: TEST_MS_MAX }, () => {
  it('runs an executor of ACE as it is: three turns of tool calls change a file, verified', async () => {
    const directory = await checkout({ git: false })
    const { code, stdout } = await runIn(directory, process.execPath, 'examples/ace/ace.mjs', 'demo')
    expect({ code, stdout }).toMatchObject({ code: 0 })
    expect(stdout.split('\n').filter((line) => /^ {2}tool|^turn/.test(line))).toEqual([
      '  tool read_file_lines: ok',
      'turn 1 continue: I need to see the changelog.',
      '  tool replace_in_file: ok',
      '  tool git_diff: ok',
      '  tool run_command: ok',
      'turn 2 continue: 2 changes go into 1.2.0.',
      'turn 3 done: 1.2.0 is cut; the changelog has 3 sections now.',
    ])
    expect(stdout).toMatch(/^\+## 1\.2\.0 - \d{4}-\d\d-\d\d$/m)
    expect(stdout).toContain('RUNTIME_EXECUTOR_SESSION_COMPLETED (done)')
    expect(stdout).toContain('completed, verified: true')

    const project = join(directory, 'demo')
    expect(await gitIn(project, 'status', '--porcelain')).toBe('')
    const swarmtrail = (...args: string[]) => runIn(project, process.execPath, join(directory, 'dist/cli.js'), ...args)
    expect(await swarmtrail('export', 'ace', '--out', '.')).toMatchObject({ code: 0 })
    const registry = await readFile(join(project, 'agent-state/runtime-executor-sessions.json'), 'utf8')
    expect(JSON.parse(registry)).toMatchObject({
      schema: 'runtime-executor-session-registry@1.0.0',
      sessions: [{ status: 'completed', tracker_item_id: 'RELEASE-1.2.0', turn_count: 3, verified: true }],
    })
  })

  it('asks for what it needs: without a version it is blocked', async () => {
    const directory = await checkout({ git: false })
    const project = join(directory, 'examples/ace/project')
    const cli = join(directory, 'dist/cli.js')
    const { code, stdout } = await runIn(project, process.execPath, cli, 'run', 'Cut a release.', '--json')
    expect(code).toBe(3)
    const { result } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { result: unknown }
    expect(result).toMatchObject({ status: 'blocked', reason_code: 'executor_blocked' })
    expect(processesAt(directory)).toEqual([])
  })
})
