/**
 * Fills a log with realistic sessions, fast: real sessions are run once, and their trails are sealed anew for as many
 * session ids as wanted. Every event is valid, chained and possible for the machine, as `verify` shows.
 */
import { createHash, randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { headers } from '@nats-io/transport-node'
import { jetstream } from '@nats-io/jetstream'
import { NO_HASH } from '../dist/events/envelope.js'
import { sealEvent } from '../dist/events/hash-chain.js'
import { nounOf } from '../dist/events/session-events.js'
import { namesOf } from '../dist/events/subjects.js'
import { createRunner } from '../dist/index.js'
import { inWindow } from './harness.mjs'

export const sha256 = (text) => createHash('sha256').update(text).digest('hex')

const TRAILS_AT_ONCE = 256
const SESSION_SECONDS = 30

/** An executor that answers `continue` until its last turn. */
export const continueUntil = (turns) =>
  `if [ "$ACE_RUNTIME_TURN_NUMBER" -lt ${turns} ]; then s=continue; else s=done; fi; ` +
  `printf '{"status":"%s","summary":"read the code, changed two files, ran the tests"}' $s > "$ACE_RUNTIME_RESPONSE_FILE"`

/** Workflow text of sessions in empty workspaces. */
export function workflowOf(command, { maxTurns = 6, protocol = 'ace', extra = '' } = {}) {
  return `---
executor:
  command: ${JSON.stringify(command)}
  protocol: ${protocol}
  max_turns: ${maxTurns}
workspace:
  source: empty
${extra}---
{{ task }}
`
}

/** Facts of one session with so many turns, from a session that was really run. */
export async function recordTrail(swarm, dir, turns) {
  const workflow = join(dir, `fill-${turns}.md`)
  writeFileSync(workflow, workflowOf(continueUntil(turns), { maxTurns: turns }))
  const runner = await createRunner({ swarm, workflow, sourceDir: dir, capacity: 1, only: [] })
  const started = await runner.run({ task: 'Fix the login test and tell what was wrong' })
  await swarm.wait(started.sessionId)
  for await (const _ of swarm.events({ sessionId: started.sessionId, from: 'start', until: 'closed' })) continue
  await runner.close()
  const items = await swarm.ports.log.read(started.sessionId)
  const [{ event: first }] = items
  const began = Date.parse(first.time)
  return items.map(({ event }) => ({
    type: event.type,
    source: event.source,
    afterMs: Date.parse(event.time) - began,
    text: JSON.stringify(event.data),
    sessionId: started.sessionId,
  }))
}

/** The events of a new session with the facts of a recorded one. */
export function sessionEvents(trail, sessionId, beganMs) {
  let prevHash = NO_HASH
  let causationId = sessionId
  return trail.map(({ type, source, afterMs, text, sessionId: recorded }) => {
    const fact = { type, data: JSON.parse(text.replaceAll(recorded, sessionId)) }
    const seal = { id: randomUUID(), source, sessionId, time: new Date(beganMs + afterMs).toISOString(), prevHash }
    const event = sealEvent(fact, { ...seal, correlationId: sessionId, causationId }, sha256)
    prevHash = event.hash
    causationId = event.id
    return event
  })
}

/** A recorded trail of several turns, its first turns repeated until it has about so many events. */
export function longTrail(trail, events) {
  const isTurn = ({ type, text }, number) => type.startsWith('turn.') && JSON.parse(text).turn_number === number
  const first = trail.findIndex((fact) => isTurn(fact, 1))
  const second = trail.filter((fact) => isTurn(fact, 2))
  const head = trail.slice(0, first).concat(trail.filter((fact) => isTurn(fact, 1)))
  const tail = trail.slice(trail.findLastIndex((fact) => fact.type.startsWith('turn.')) + 1)
  const last = trail.filter((fact) => isTurn(fact, 3))
  const turns = Math.floor((events - head.length - last.length - tail.length) / second.length)
  const numbered = (facts, number) => facts.map((fact) => ({ ...fact, text: renumbered(fact.text, number) }))
  const middle = Array.from({ length: turns }, (_, index) => numbered(second, index + 2)).flat()
  return raised([...head, ...middle, ...numbered(last, turns + 2), ...tail], turns + 2)
}

function renumbered(text, number) {
  return JSON.stringify({ ...JSON.parse(text), turn_number: number })
}

/** So many turns must have been allowed, and be told at the end. */
function raised(trail, turns) {
  return trail.map((fact) => {
    const data = JSON.parse(fact.text)
    if (fact.type === 'session.started') data.limits.max_turns = turns
    if (fact.type === 'session.closed') data.turns = turns
    return { ...fact, text: JSON.stringify(data) }
  })
}

/** The usual filling: sessions of two to four turns, 16 to 24 events each, 20 in the mean. */
export async function fillMixed({ swarm, nc, dir }, sessions, options) {
  const trails = []
  for (const turns of [2, 3, 4]) trails.push(await recordTrail(swarm, dir, turns))
  return fillSessions(nc, trails, sessions, options)
}

/** Publishes `sessions` sessions, many interleaved; returns how many events and bytes that are and the session ids. */
export async function fillSessions(nc, trails, sessions, { namespace = 'default', prefix = 'fill' } = {}) {
  const names = namesOf(namespace)
  const js = jetstream(nc, { timeout: 30_000 })
  const began = Date.now() - sessions * 10
  let events = 0
  let bytes = 0
  const ids = Array.from({ length: sessions }, (_, index) => `${prefix}-${String(index).padStart(7, '0')}`)
  await inWindow(sessions, TRAILS_AT_ONCE, async (index) => {
    const sessionId = ids[index]
    for (const event of sessionEvents(trails[index % trails.length], sessionId, began + index * 10 - SESSION_SECONDS)) {
      const body = JSON.stringify(event)
      await js.publish(names.event(sessionId, nounOf(event.type)), body, { headers: headersOf(event) })
      events += 1
      bytes += body.length
    }
  })
  return { events, bytes, ids, sessions }
}

/** As the log's own appends have them. */
export function headersOf(event) {
  const result = headers()
  for (const name of ['specversion', 'id', 'type', 'source', 'subject', 'time']) result.set(`ce-${name}`, event[name])
  result.set('Content-Type', 'application/cloudevents+json')
  return result
}
