/**
 * An ACE-style executor and its workflow, run by Swarmtrail as they are:
 *
 *   node examples/ace/ace.mjs [DIRECTORY]
 *
 * Makes a small project in the directory (default: ace-demo), cuts a release in it in one unattended session of three
 * turns, prints its story under the names that ACE's tools know, and the captured patch. docs/coming-from-ace.md says more.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRunner, openEmbeddedSwarm } from 'swarmtrail'

const here = dirname(fileURLToPath(import.meta.url))
const project = resolve(process.argv[2] ?? 'ace-demo')
if (!existsSync(join(project, '.git'))) makeProject()

const swarm = await openEmbeddedSwarm({ dir: join(project, '.swarmtrail') })
const runner = await createRunner({ swarm, sourceDir: project }) // finds agent-state/ACE_WORKFLOW.md there
try {
  const started = await swarm.start({
    task: 'Cut release 1.2.0.',
    tracker_item_id: 'RELEASE-1.2.0',
    context: { version: '1.2.0', date: new Date().toISOString().slice(0, 10) },
  })
  if (!started.ok) throw new Error(`${started.code}: ${started.message}`)
  const { sessionId } = started
  for await (const event of swarm.events({ sessionId, from: 'start', until: 'closed' })) {
    if (event.type === 'tool.finished')
      console.log(`  tool ${event.data.tool_name}: ${event.data.ok ? 'ok' : event.data.error.code}`)
    if (event.type === 'turn.completed')
      console.log(`turn ${event.data.turn_number} ${event.data.status}: ${event.data.summary}`)
    if (event.type === 'workspace.captured' && event.data.patch !== null) {
      console.log(`\n${new TextDecoder().decode(await swarm.ports.artifacts.get(event.data.patch))}`)
    }
  }

  const { document } = await swarm.view('status-events', sessionId)
  for (const { event, status, summary } of document.events) console.log(`${event} (${status}) ${summary}`)
  const { ok, session } = await swarm.wait(sessionId)
  console.log(`\n${sessionId}: ${session.status}, verified: ${session.verified}, ${session.result_summary}`)
  process.exitCode = ok ? 0 : 1
} finally {
  await runner.close()
  await swarm.close()
}

function makeProject() {
  mkdirSync(project, { recursive: true })
  cpSync(join(here, 'project'), project, { recursive: true })
  const git = (...args) =>
    execFileSync('git', ['-c', 'user.name=Demo', '-c', 'user.email=demo@example.invalid', ...args], { cwd: project })
  git('init', '--quiet')
  git('add', '--all')
  git('commit', '--quiet', '--message', 'A project with something to release')
}
