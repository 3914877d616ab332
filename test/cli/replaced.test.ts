/** A runner whose files are taken away while it serves, as by the installation of another release. */
import { cp, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { beforeAll, expect, it, onTestFinished } from 'vitest'
import { buildCli, cliIn } from '../support/cli.ts'
import { temporaryDirectory } from '../support/repositories.ts'

const TEST_MS_MAX = 120_000

let program: string
beforeAll(async () => {
  program = await buildCli()
})

it('a runner goes on when its files are replaced before it had anything to do', { timeout: TEST_MS_MAX }, async () => {
  const directory = await temporaryDirectory()
  const config = { executor: { command: 'true', protocol: 'exit-code' }, context: { recall: true } }
  await writeFile(join(directory, 'WORKFLOW.md'), `---\n${JSON.stringify(config)}\n---\n`)
  const build = dirname(dirname(program))
  const old = `${build}-old-${process.pid}`
  await cp(build, old, { recursive: true })
  onTestFinished(() => rm(old, { recursive: true, force: true }))
  const runner = cliIn(join(old, 'dist/cli.js'), directory).start('runner')
  await runner.prints('serves namespace')

  await rm(join(old, 'dist'), { recursive: true })
  const cli = cliIn(program, directory)
  expect((await cli.run('start', 'work', '--session-id', 'S1', '--objective-id', 'O1')).stderr).toBe('')
  const waited = await cli.run('wait', 'S1', '--timeout-ms', '30000')
  expect(runner.stderr).not.toContain('Cannot find module')
  expect({ ...waited, runner: runner.stderr }).toMatchObject({ code: 0 })
})
