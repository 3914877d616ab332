/** Runs sessions in this process and keeps when each of their events was acknowledged. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createRunner } from '../dist/index.js'

/** A runner of the given workflow text; `run` resolves with the session's events and their times in ms. */
export async function server(swarm, dir, workflowText, { capacity = 1 } = {}) {
  const workflow = join(dir, `workflow-${Math.random().toString(36).slice(2)}.md`)
  writeFileSync(workflow, workflowText)
  const sessions = new Map()
  const sessionOf = (id) => {
    if (!sessions.has(id)) sessions.set(id, { events: [], closed: Promise.withResolvers?.() ?? deferred() })
    return sessions.get(id)
  }
  const runner = await createRunner({
    swarm,
    workflow,
    sourceDir: dir,
    capacity,
    only: [],
    hooks: {
      onEvent: (event) => sessionOf(event.subject).events.push({ type: event.type, at: performance.now(), event }),
      onEnd: (id, end) => sessionOf(id).closed.resolve(end),
    },
  })
  const run = async (request = {}) => {
    const askedAt = performance.now()
    const started = await runner.run({ task: 'measure', ...request })
    if (!started.ok) throw new Error(started.message)
    const acknowledgedAt = performance.now()
    const session = sessionOf(started.sessionId)
    await session.closed.promise
    sessions.delete(started.sessionId)
    return { sessionId: started.sessionId, askedAt, acknowledgedAt, events: session.events, endedAt: performance.now() }
  }
  return { runner, run, sessionOf, close: () => runner.close() }
}

function deferred() {
  let resolve
  const promise = new Promise((done) => (resolve = done))
  return { promise, resolve }
}
