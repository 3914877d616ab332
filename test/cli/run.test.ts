import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { registrySchema } from '../../src/projections/registry-document.ts'
import { buildCli, cliIn } from '../support/cli.ts'
import { temporaryDirectory } from '../support/repositories.ts'

/** A command takes seconds where the machine is busy. */
const TEST_MS_MAX = 120_000

let program: string
beforeAll(async () => {
  program = await buildCli()
})

/** A name with spaces, letters of other scripts and what shells find special. */
async function awkwardDirectory(): Promise<string> {
  const directory = join(await temporaryDirectory(), "Größe & 'тест' $(x)")
  await mkdir(directory)
  return directory
}

const answer = (status: string, summary: string) =>
  `printf '{"status":"${status}","summary":"${summary}"}' > "$ACE_RUNTIME_RESPONSE_FILE"`

describe('run', { timeout: TEST_MS_MAX }, () => {
  it('prints events and the record as JSON Lines and exits with 0 when the session completed', async () => {
    const cli = cliIn(program, await awkwardDirectory())
    const task = 'say "$(rm -rf /)" & häng nicht'
    const inputs = ['--session-id', 'S1', '--max-turns', '3', '--label', 'lane=a', '--label', 'x=y=z']
    const more = ['--context', '{"ticket":7}', '--objective-id', 'O1', '--emit-to', 'tui', '--no-auto-cleanup']
    const executor = `printf %s "$ACE_RUNTIME_TASK" > task.txt; ${answer('done', 'did it')}`
    const { code, values, stderr } = await cli.json('run', task, ...inputs, ...more, '--command', executor)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const events = values.slice(0, -1) as { type: string; position: number; subject: string; data: unknown }[]
    expect(events[0]).toMatchObject({
      type: 'start.requested',
      subject: 'S1',
      data: { task, max_turns: 3, labels: { lane: 'a', x: 'y=z' }, context: { ticket: 7 }, objective_id: 'O1' },
    })
    expect(events.at(-1)).toMatchObject({ type: 'session.closed' })
    expect(events.map(({ position }) => position)).toEqual(
      events.map(({ position }) => position).toSorted((a, b) => a - b),
    )
    const { result } = values.at(-1) as { result: unknown }
    expect(registrySchema.parse(result)).toMatchObject({
      session_id: 'S1',
      outcome: 'completed',
      result_summary: 'did it',
      workspace_cleanup_status: 'kept',
    })
  })

  it.each([
    { status: 'failed', code: 1, outcome: 'failed' },
    { status: 'blocked', code: 3, outcome: 'blocked' },
  ])('exits with $code when the executor answered $status', async ({ status, code, outcome }) => {
    const cli = cliIn(program, await temporaryDirectory())
    const result = await cli.run('run', 'task', '--command', answer(status, 'because'))
    expect(result).toMatchObject({ code, stderr: '' })
    expect(result.stdout).toContain(`\n${outcome} (executor_${status})\n`)
  })

  it('prints plain lines where there is no terminal, whatever the texts hold', async () => {
    const cli = cliIn(program, await temporaryDirectory())
    const { code, stdout, stderr } = await cli.run(
      'run',
      'red \u001B[31mtask\u0007',
      '--command',
      'printf "first\\n\\033[2Jlast line\\n"',
      '--protocol',
      'exit-code',
    )
    expect(code).toBe(0)
    expect(stderr).toBe('')
    expect(stdout).toMatch(/turn\.started +turn 1 \(first\): red task\n/)
    expect(stdout).toMatch(
      /\ncompleted \(done\)\n[\s\S]*claimed +done in turn 1: last line\n[\s\S]*verified +no, the workflow has no stop checks\n/,
    )
    expect(stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
  })

  it('tells what was verified apart from what was claimed, and warns of unknown keys', async () => {
    const directory = await temporaryDirectory()
    const cli = cliIn(program, directory)
    const workflow = (stop: string) =>
      `---\nexecutor: {command: "true", protocol: exit-code, max_turns: 1}\nautonomy: {stop: [{name: proof, command: ${stop}}]}\ntools: {deny: [run_comand]}\nextra: 1\n---\n`
    await writeFile(join(directory, 'WORKFLOW.md'), workflow('"true"'))
    const good = await cli.run('run', 'task')
    expect(good).toMatchObject({ code: 0 })
    expect(good.stdout).toMatch(/verified +yes, the stop checks passed: proof ok\n/)
    expect(good.stderr).toMatch(
      /^warning: .*WORKFLOW\.md: unknown key extra is ignored\nwarning: .*WORKFLOW\.md: tools\.deny: no tool is named run_comand; .*\n$/,
    )
    await writeFile(join(directory, 'other.md'), workflow('"false"'))
    const bad = await cli.run('run', 'task', '--workflow', 'other.md')
    expect(bad.code).toBe(3)
    expect(bad.stdout).toMatch(/verified +NO, stop checks failed: proof FAILED\n/)
  })

  it('refuses an id that is taken and inputs out of range, and starts nothing then', async () => {
    const cli = cliIn(program, await temporaryDirectory())
    const args = ['--command', 'true', '--protocol', 'exit-code']
    expect((await cli.run('run', 'task', '--session-id', 'S1', ...args)).code).toBe(0)
    const taken = await cli.json('run', 'task', '--session-id', 'S1', ...args)
    expect(taken).toMatchObject({ code: 1, values: [{ error: { code: 'session_exists' } }] })
    const small = await cli.json('run', 'task', '--max-turns', '0', ...args)
    expect(small).toMatchObject({ code: 2, values: [{ error: { code: 'invalid_argument' } }] })
    expect(small.stderr).toContain('max_turns')
    const wrongId = await cli.run('run', 'task', '--session-id', 'no/slash', ...args)
    expect(wrongId.code).toBe(2)
    expect(wrongId.stderr).toContain('session_id')
    const long = await cli.run('run', 'task', '--objective-id', 'x'.repeat(257), ...args)
    expect(long).toMatchObject({ code: 2, stderr: expect.stringContaining('objective_id: expected at most 256') })
    expect((await cli.json('ps')).values).toMatchObject([[{ session_id: 'S1' }]])
  })
})
