/**
 * `npm start`: one unattended session on this very checkout, live. It maps the code over four turns in a worktree of
 * its own, its result is verified before it is believed, and the work is captured as a patch. The checkout stays as it is.
 */
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const checkout = dirname(dirname(here))
const cli = join(checkout, 'dist', 'cli.js')
const task = 'Write a map of this repository for people and agents who are new to it.'

const sessionId = `quickstart-${new Date().toISOString().replace(/\D/g, '').slice(0, 17)}`
const status = await swarmtrail('run', task, '--session-id', sessionId, '--workflow', join(here, 'ACE_WORKFLOW.md'))
if (status === 0) {
  console.log('\nIn the registry:\n')
  await swarmtrail('ps', '--limit', '1')
  console.log(`
The work is a patch in the log; your checkout is untouched. Worth trying next:

  npx swarmtrail watch ${sessionId} --from start --until-closed   every event of the session, from the log
  npx swarmtrail show ${sessionId}                                the session in full, and what was verified
  npx swarmtrail diff ${sessionId}                                the patch; \`swarmtrail apply ${sessionId}\` puts it into the checkout
`)
}
process.exitCode = status

/** Runs the command as a user would and answers with its exit status. A signal reaches it through the terminal. */
function swarmtrail(...args) {
  return new Promise((resolve) => {
    process.once('SIGINT', () => undefined)
    const child = spawn(process.execPath, [cli, ...args], { cwd: checkout, stdio: 'inherit' })
    child.once('exit', (code, signal) => resolve(code ?? (signal === null ? 1 : 130)))
  })
}
