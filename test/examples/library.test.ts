/** The auditor's program of docs/library.md, as somebody would copy it from there. */
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { buildCli } from '../support/cli.ts'
import { copyCheckout, processesAt, runIn } from '../support/checkout.ts'
import { temporaryDirectory } from '../support/repositories.ts'

const TEST_MS_MAX = 180_000

it('proves, sums up, exports and tells every session', { timeout: TEST_MS_MAX }, async () => {
  const directory = await temporaryDirectory()
  await copyCheckout(directory, await buildCli(), { git: false })
  const documented = await readFile(join(directory, 'docs/library.md'), 'utf8')
  const program = /<!-- example:auditor -->\s+```js\n([\s\S]*?)```/.exec(documented)?.[1] ?? ''
  await writeFile(join(directory, 'auditor.mjs'), program)
  const work = ['--command', 'echo made > made.txt', '--protocol', 'exit-code', '--session-id', 'S1']
  expect(await runIn(directory, process.execPath, 'dist/cli.js', 'run', 'make a file', ...work)).toMatchObject({
    code: 0,
  })
  const told = await runIn(directory, process.execPath, 'auditor.mjs')
  expect(told).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^\d+ events exported$/) })
  const heads = JSON.parse(await readFile(join(directory, 'heads.json'), 'utf8')) as unknown
  expect(heads).toMatchObject({ format: 'swarmtrail-summary@1', sessions: [{ session_id: 'S1' }] })
  expect((await stat(join(directory, 'S1.html'))).size).toBeGreaterThan(10_000)
  expect(processesAt(directory)).toEqual([])
})
