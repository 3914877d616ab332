import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { buildCli, cliIn } from '../support/cli.ts'
import { makeRepository, temporaryDirectory } from '../support/repositories.ts'

/** A command takes seconds where the machine is busy. */
const TEST_MS_MAX = 120_000

let program: string
beforeAll(async () => {
  program = await buildCli()
})

const workflow = (maxTurns: number, min: number) => `---
executor:
  protocol: exit-code
  command: echo '<b>work</b>'; echo more > a.txt
  max_turns: ${maxTurns}
autonomy:
  stop:
    - test -f a.txt
    - files_changed: { include: ["*.txt"], min: ${min} }
---
{{ task }}
`

describe('audit and backtest', { timeout: TEST_MS_MAX }, () => {
  it('tell a real session, write its page, and judge it by another workflow', async () => {
    const directory = await makeRepository(join(await temporaryDirectory(), 'repo'), { 'a.txt': 'one\n' })
    const cli = cliIn(program, directory)
    await writeFile(join(directory, 'WORKFLOW.md'), workflow(3, 1))
    await writeFile(join(directory, 'STRICT.md'), workflow(3, 2))
    expect((await cli.run('run', 'add <i>more</i>', '--session-id', 'S1')).code).toBe(0)

    const told = await cli.run('audit', 'S1')
    expect(told.code).toBe(0)
    expect(told.stdout).toContain('claimed   done in turn 1: <b>work</b>')
    expect(told.stdout).toContain('verified  yes, by test -f a.txt passed, files_changed *.txt passed')
    expect(told.stdout).toContain('hashes, order and transitions are sound')

    // Position 1 is the request itself, so the session had no age yet.
    expect((await cli.run('ps', '--at', '1')).stdout).toMatch(/^S1 .* 0 ms /m)
    expect((await cli.run('logs', 'S1', '--stream', 'stderr')).stderr).toContain('no turn wrote anything to stderr')
    expect((await cli.run('logs', 'S1', '--turn', '1', '--stream', 'stderr')).stderr).toContain(
      'no output: turn 1 wrote nothing to stderr',
    )

    const [story] = (await cli.json('audit', 'S1', '--html', 'S1.html')).values
    expect(story).toMatchObject({
      session_id: 'S1',
      outcome: { outcome: 'completed', reason_code: 'done' },
      verified: { verified: true },
      changed: { files: [{ path: 'a.txt', change: 'modified' }] },
      soundness: { ok: true, bad: null },
      html: 'S1.html',
    })
    const page = await readFile(join(directory, 'S1.html'), 'utf8')
    expect(page).toContain('<h1>add &lt;i&gt;more&lt;/i&gt;</h1>')
    expect(page).toContain('<span class="add">+more</span>')
    expect(page).not.toContain('<i>more')

    expect(await cli.run('audit', 'S1', '--html', 'no/such/place.html')).toMatchObject({ code: 2 })

    const same = (await cli.json('backtest', '--workflow', 'WORKFLOW.md')).values
    expect(same).toMatchObject([{ sessions: [{ session_id: 'S1', would: 'same' }], summary: { sessions: 1, same: 1 } }])
    const strict = (await cli.json('backtest', '--workflow', 'STRICT.md')).values
    const would = { outcome: 'blocked', reason_code: 'stop_checks_failed', at_turn: 1 }
    expect(strict).toMatchObject([{ workflow: { path: join(directory, 'STRICT.md') }, sessions: [{ would }] }])
    const text = await cli.run('backtest', '--workflow', 'STRICT.md')
    expect(text.stdout).toContain('1 session: 0 the same, 1 different, 0 not judged')
    const later = (await cli.json('backtest', '--workflow', 'STRICT.md', '--since', '2200-01-01T00:00:00Z')).values
    expect(later).toMatchObject([{ sessions: [], summary: { sessions: 0 } }])
  })

  it('answer for what is not there', async () => {
    const cli = cliIn(program, await temporaryDirectory())
    expect(await cli.json('audit', 'nobody')).toMatchObject({
      code: 5,
      values: [{ error: { code: 'session_not_found' } }],
    })
    expect(await cli.run('backtest')).toMatchObject({ code: 2, stdout: '' })
    expect(await cli.json('backtest', '--workflow', 'none.md')).toMatchObject({
      code: 2,
      values: [{ error: { code: expect.stringMatching(/^workflow_/) } }],
    })
  })
})
