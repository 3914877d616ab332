/**
 * A coordinator: starts five sessions, follows all their events on one subscription, and joins them.
 *
 *   node examples/coordinator/coordinator.mjs [DIRECTORY]
 *
 * It runs its sessions in this process too; with `connectSwarm({ servers })` and `swarmtrail runner` on other hosts,
 * only the two marked lines change.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createRunner, openEmbeddedSwarm } from 'swarmtrail'

const directory = resolve(process.argv[2] ?? 'coordinator-demo')
mkdirSync(directory, { recursive: true })
const workflow = join(directory, 'ACE_WORKFLOW.md')
writeFileSync(
  workflow,
  `---
executor:
  protocol: exit-code
  command: wc -w "$ACE_RUNTIME_PROMPT_FILE" > words.txt && echo "counted $(cut -d' ' -f1 words.txt) words"
workspace: { source: empty }
---
{{ task }}
`,
)

const swarm = await openEmbeddedSwarm({ dir: join(directory, '.swarmtrail') }) // or connectSwarm({ servers })
const runner = await createRunner({ swarm, workflow, sourceDir: directory, capacity: 3 }) // or runners elsewhere
try {
  const from = await swarm.ports.log.head()
  const texts = ['one', 'one two', 'one two three', 'one two three four', 'one two three four five']
  const sessions = []
  for (const task of texts) {
    const started = await swarm.start({ task, objective_id: `count-${from}`, labels: { demo: 'coordinator' } })
    if (!started.ok) throw new Error(`${started.code}: ${started.message}`)
    sessions.push(started.sessionId)
  }

  const open = new Set(sessions)
  for await (const event of swarm.events({ from, types: ['session.*', 'turn.*'] })) {
    if (!sessions.includes(event.subject)) continue
    console.log(`${event.position} ${event.subject} ${event.type}`)
    if (event.type === 'session.closed') open.delete(event.subject)
    if (open.size === 0) break
  }

  const results = await Promise.all(sessions.map((id) => swarm.wait(id, { timeoutMs: 60_000 })))
  for (const { session } of results) console.log(`${session.session_id}: ${session.status}, ${session.result_summary}`)
  process.exitCode = results.every((result) => result.ok) ? 0 : 1
} finally {
  await runner.close()
  await swarm.close()
}
